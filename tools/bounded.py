"""Requests that end in time and reach public addresses alone.

A timeout of `requests` is one of silence: a server that sends a byte now and
then, of a status line, a header or a body, is never late. And whoever wrote a
URL, or redirects one, could have a machine of the own network asked.
"""

import contextlib
import ipaddress
import queue
import socket
import threading
import time
import urllib.parse

import requests
import requests.utils
import urllib3

# Ways to write an IPv4 address as one of IPv6, by their last 32 bits: mapped,
# compatible, and those of translators.
_EMBEDDING = [
    ipaddress.ip_network(name)
    for name in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "::ffff:0:0:0/96")
]

# Of the request that a thread makes: `_Bounds`.
_THREAD = threading.local()


class PrivateAddressError(Exception):
    """An address that is not on the public internet; its text names it."""


class _Bounds:
    """When the requests of a thread must end, and which sockets they use."""

    def __init__(self, seconds, allow_private):
        self.until = time.monotonic() + seconds
        self.allow_private = allow_private
        self._sockets = []
        self._lock = threading.Lock()

    def left(self):
        """Returns the seconds left; raises TimeoutError where there is none."""
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("too slow")
        return seconds

    def is_over(self):
        return time.monotonic() >= self.until

    def watch(self, sock):
        """Takes note of the socket of a connection; a copy survives TLS."""
        self.left()
        with self._lock:
            self._sockets.append(sock.dup())

    def end(self, finish):
        """Ends what still reads, if the time is over, or else lets go of it."""
        with self._lock:
            for sock in self._sockets:
                if not finish:
                    with contextlib.suppress(OSError):  # Ended already.
                        sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            self._sockets = []


@contextlib.contextmanager
def bounds(seconds, *, allow_private=False):
    """Bounds the requests that this thread makes by sessions of `session`.

    Args:
        seconds: float; then their connections end, whatever they wait for.
        allow_private: whether they may reach loopback, link-local and other
            addresses that are not public.

    Yields:
        Function without arguments: whether the time is over.
    """
    made = _Bounds(seconds, allow_private)
    timer = threading.Timer(seconds, made.end, [False])
    timer.daemon = True
    timer.start()
    _THREAD.bounds = made
    try:
        yield made.is_over
    finally:
        timer.cancel()
        made.end(True)
        del _THREAD.bounds


def session():
    """Returns a `requests.Session` whose requests need `bounds`."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter())
    return made


def require_public(host):
    """Refuses an address that is not on the public internet.

    Args:
        host: an IPv4 or IPv6 address, as the system writes it.

    Raises:
        PrivateAddressError: with the address.
    """
    address = ipaddress.ip_address(host)
    meant = [address]
    if address.version == 6:
        meant += filter(None, [address.sixtofour, *(address.teredo or ())])
        if any(address in network for network in _EMBEDDING):
            meant.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
            meant.remove(address)
    for each in meant:
        if not each.is_global or each.is_multicast:
            raise PrivateAddressError(
                f"{host} is not a public address (--allow_private)"
            )


class _Bounded:
    """What connections of both schemes do: a mixin."""

    def _new_conn(self):
        bound, name = _THREAD.bounds, self._dns_host
        last = None
        for host in _resolve(name, self.port, bound.left()):
            # A proxy may be of the own network, and asks for itself.
            if not bound.allow_private and self.proxy is None:
                require_public(host)
            self.timeout = min(self.timeout or bound.left(), bound.left())
            try:
                self._dns_host = host  # The very address that was looked at.
                sock = super()._new_conn()
            except urllib3.exceptions.HTTPError as error:
                last = error
                continue
            finally:
                self._dns_host = name
            bound.watch(sock)
            return sock
        raise last or OSError(f"no address of {name}")

    def request(self, *arguments, **options):
        if self.sock is not None:  # Of an earlier request.
            _THREAD.bounds.watch(self.sock)
        super().request(*arguments, **options)


def _resolve(host, port, seconds):
    """Returns the addresses of a host; the system's look-up knows no limit."""
    answers = queue.SimpleQueue()

    def look_up():
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no address of {host} in time") from None
    if isinstance(found, Exception):
        raise found
    return dict.fromkeys(address[0] for *_, address in found)


class _Connection(_Bounded, urllib3.connection.HTTPConnection):
    pass


class _TlsConnection(_Bounded, urllib3.connection.HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, **options)
        _use_own_pools(self.poolmanager)

    def proxy_manager_for(self, *arguments, **options):
        manager = super().proxy_manager_for(*arguments, **options)
        _use_own_pools(manager)
        return manager

    def send(self, request, *arguments, proxies=None, **options):
        """Also refuses what a proxy is to ask for, where it is an address."""
        proxy = requests.utils.select_proxy(request.url, proxies)
        if proxy and not _THREAD.bounds.allow_private:
            host = urllib.parse.urlsplit(request.url).hostname
            with contextlib.suppress(OSError):
                require_public(_as_address(host))
        return super().send(request, *arguments, proxies=proxies, **options)


def _use_own_pools(manager):
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _as_address(host):
    """Returns an address in its usual form; raises `OSError` for a name."""
    if ":" in host:
        return host
    if host.rstrip(".").lower() == "localhost":
        return "127.0.0.1"
    return socket.inet_ntoa(socket.inet_aton(host))  # Also 0x7f.1.
