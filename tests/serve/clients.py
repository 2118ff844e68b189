"""Clients of every transport, which may ask from any address of 127/8 and give themselves a name."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import struct
import sys
from pathlib import Path

import pytest
from dnslib import DNSRecord

needs_loopback_net = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127/8")


def over_udp(port: int, query: DNSRecord, source: str = "127.0.0.1") -> DNSRecord:
    """Ask by a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        sock.send(query.pack())
        return DNSRecord.parse(sock.recv(65535))


def over_tls(port: int, query: DNSRecord, certificate: Path, host: str, source: str = "127.0.0.1") -> DNSRecord:
    """Ask by DNS over TLS; `host` is the server's name as the client writes it, a device's id before it or not."""
    context = ssl.create_default_context(cafile=str(certificate))
    wire = query.pack()
    with (
        socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as plain,
        context.wrap_socket(plain, server_hostname=host) as sock,
        sock.makefile("rb") as lines,
    ):
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        return DNSRecord.parse(lines.read(struct.unpack("!H", lines.read(2))[0]))


def over_https(port: int, query: DNSRecord, certificate: Path, path: str, source: str = "127.0.0.1") -> DNSRecord:
    """Ask by DNS over HTTPS (RFC 8484) with GET."""
    context = ssl.create_default_context(cafile=str(certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context, source_address=(source, 0))
    text = base64.urlsafe_b64encode(query.pack()).rstrip(b"=").decode()
    connection.request("GET", f"{path}?dns={text}", headers={"accept": "application/dns-message"})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert (response.status, response.getheader("content-type")) == (200, "application/dns-message"), body
    return DNSRecord.parse(body)
