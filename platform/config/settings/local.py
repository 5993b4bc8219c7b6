"""One machine: loopback, embedded servers, no TLS."""

from config.settings.base import *  # noqa: F403
from config.settings.base import env

LABELSTUDIO_PRIVATE_ADDRESSES = env.bool("LABELSTUDIO_PRIVATE_ADDRESSES", default=True)
