"""What can be wrong around a server, each said in one sentence to whoever runs it."""

from xmppd.api.storage import StorageError
from xmppd.makers import MakerError
from xmppd.net.certificates import CertificateError
from xmppd.routing.registry import RegistrationError
from xmppd.server.components import SecretError
from xmppd.server.users import UserStoreError
from xmppd.service.control import ControlError
from xmppd.service.listening import PortError
from xmppd.service.lock import DataUnusable
from xmppd.service.socket_path import NoPlace
from xmppd.service.toml import ConfigError

FAULTS = (
    CertificateError,
    ConfigError,
    ControlError,
    DataUnusable,
    MakerError,
    NoPlace,
    PortError,
    RegistrationError,
    SecretError,
    StorageError,
    UserStoreError,
)
"""Exceptions that need no traceback: the text of each is for the operator."""
