from tests.annotation.servers.standin import there

__all__ = ["there"]
