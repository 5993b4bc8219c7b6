"""One machine: loopback, embedded servers, no TLS."""

from config.settings.base import *  # noqa: F403
