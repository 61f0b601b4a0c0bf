"""The thread that listens on two loopback hosts: the Hub, and the storage that it sends people on to."""

import socket
import threading
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


class ClosableProtocol(H11Protocol):
    """Hand the connection on to the application, which closes it where a test wants that."""

    def connection_made(self, transport):
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Listener:
    """Serve whatever application is mounted; one thread can so serve one test after the other."""

    def __init__(self):
        self.app = None
        hub, storage = listening("127.0.0.1"), listening("127.0.0.2")
        self.url = "http://{}:{}".format(*hub.getsockname())
        self.storage_url = "http://{}:{}".format(*storage.getsockname())
        config = uvicorn.Config(
            self._serve,
            http=ClosableProtocol,
            loop="asyncio",
            interface="asgi3",
            ws="none",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        arguments = {"sockets": [hub, storage]}
        self._thread = threading.Thread(target=self._server.run, kwargs=arguments, name="hub-server", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The loopback Hub did not start")
            time.sleep(0.002)

    async def _serve(self, scope, receive, send):
        await self.app(scope, receive, send)

    def close(self):
        self._server.should_exit = True
        self._thread.join(5)


def listening(host):
    """A socket on a free port. Asyncio turns Nagle off only where the protocol is named; 40 ms a call otherwise."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.bind((host, 0))
    return found
