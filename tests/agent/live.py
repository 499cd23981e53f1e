"""What a gateway needs around it on a live node: backends, clients, traffic, processes."""
import base64
import hashlib
import http.server
import os
import re
import socket
import ssl
import subprocess
import threading
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def until(seen, seconds=30):
    """Asks again until the answer is true, or the time is up. Returns the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = seen()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


class Command(object):
    """A command that has run: its exit code, and what it said."""

    def __init__(self, *words):
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
        )
        self.code = done.returncode
        self.said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)

    def lines(self, start):
        """What it said on the lines that begin so."""
        return [line.strip() for line in self.said.splitlines() if line.strip().startswith(start)]


class Process(object):
    """A program that runs beside the script; its output goes to a file."""

    def __init__(self, log, *words):
        self.words, self.log = words, log
        self.child = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self):
        """Asks it to end; returns its exit code."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.child.returncode


class Backend(object):
    """A web server in a thread. It answers with its name, and echoes what it gets over a websocket."""

    def __init__(self, name, port, certificate=None):
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.headers.get("Upgrade", "").lower() == "websocket":
                    return backend.echo(self)
                body = ("%s %s" % (backend.name, self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.name = name
        self.server = Server(("0.0.0.0", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def echo(request):
        """One text of a websocket, sent back behind 'echo '."""
        key = request.headers["Sec-WebSocket-Key"].encode()
        request.send_response(101)
        request.send_header("Upgrade", "websocket")
        request.send_header("Connection", "Upgrade")
        request.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + GUID).digest()).decode())
        request.end_headers()
        length = request.rfile.read(2)[1] & 0x7F
        mask, masked = request.rfile.read(4), request.rfile.read(length)
        text = b"echo " + bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
        request.wfile.write(bytes([0x81, len(text)]) + text)
        request.close_connection = True


class Server(http.server.HTTPServer):
    """A thread for each connection: Envoy keeps its own open."""

    request_queue_size = 128

    def process_request(self, request, client_address):
        threading.Thread(target=self.serve, args=(request, client_address), daemon=True).start()

    def serve(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except OSError:  # the client went away
            pass
        finally:
            self.shutdown_request(request)

    def handle_error(self, request, client_address):
        pass


def connect(port, name=None):
    """A connection to the gateway; TLS, where a server name is given."""
    client = socket.create_connection(("127.0.0.1", port), 5)
    if name is None:
        return client
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the certificates are the script's own
    return context.wrap_socket(client, server_hostname=name)


def get(port, host, path="/", tls=False):
    """Asks for a page. Returns `200 body`, or why there is none."""
    try:
        client = connect(port, host if tls else None)
        with client:
            request = "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host)
            client.sendall(request.encode())
            reply = b"".join(iter(lambda: client.recv(65536), b""))
    except OSError as error:
        return "no answer: %s" % error
    head, _, body = reply.decode("utf-8", "replace").partition("\r\n\r\n")
    return "%s %s" % (head.split(" ", 2)[1], body) if " " in head else "closed"


def websocket(port, host, path):
    """Says hello over a websocket. Returns `101 reply`, or why there is none."""
    try:
        client = connect(port, host)
        with client:
            client.sendall((
                "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % (path, host)
            ).encode())
            stream = client.makefile("rb")
            code = stream.readline().decode().split(" ", 2)[1]
            while stream.readline().strip():
                pass
            if code != "101":
                return code
            client.sendall(bytes([0x81, 0x80 | 5, 0, 0, 0, 0]) + b"hello")
            return "101 %s" % stream.read(stream.read(2)[1] & 0x7F).decode()
    except (OSError, IndexError) as error:
        return "no answer: %s" % error


def certificate(port, name):
    """The fingerprint of the certificate shown for a name, its first digits; None where there is none."""
    try:
        with connect(port, name) as client:
            return hashlib.sha256(client.getpeercert(binary_form=True)).hexdigest()[:12]
    except OSError:
        return None


class Traffic(object):
    """Requests, one after the other, until it is asked how they went."""

    def __init__(self, *requests):
        self.answered, self.failed = 0, []
        self.going = True
        self.threads = [threading.Thread(target=self._go, args=(request,), daemon=True) for request in requests]
        for thread in self.threads:
            thread.start()

    def _go(self, request):
        while self.going:
            said = request()
            if said.startswith("200 "):
                self.answered += 1
            else:
                self.failed.append(said)
            time.sleep(0.01)

    def end(self):
        """Returns whether all were answered, and the numbers in words."""
        self.going = False
        for thread in self.threads:
            thread.join()
        said = "%d requests answered, %d failed" % (self.answered, len(self.failed))
        if self.failed:
            said += ", such as: " + self.failed[0]
        return self.answered > 0 and not self.failed, said


def free(path):
    """Removes a file that may not be there."""
    try:
        os.unlink(path)
    except OSError:
        pass
