"""Processes that meet: notices while they wait, and what keeps them apart."""

import concurrent.futures
import re
import socket
import threading
import time

import pytest

from jaxseg.training.devices import rendezvous


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Tenths of seconds where there are seconds."""
    for name, seconds in (("FIRST", 0.1), ("EVERY", 0.2), ("RETRY", 0.02)):
        monkeypatch.setattr(rendezvous, name, seconds)
    monkeypatch.setattr(rendezvous, "PATIENCE", 20.0)


@pytest.fixture
def address():
    """A port that is free."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return f"localhost:{free.getsockname()[1]}"


@pytest.fixture
def start():
    """`start(coordinator, processes, id)` meets in a thread; a future."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        yield lambda *given: pool.submit(rendezvous.wait_for_all, *given)


def reach(address):
    """A connection to process 0, as soon as it listens."""
    host, port = address.split(":")
    while True:
        try:
            return socket.create_connection((host, int(port)))
        except OSError:
            time.sleep(0.02)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_meet_in_any_order(start, address, order):
    futures = [start(address, 3, number) for number in order]
    assert [future.result(10) for future in futures] == [None] * 3


def test_one_process_alone_waits_for_nobody(address):
    rendezvous.wait_for_all(address, 1, 0)


def until(capfd, text):
    """What was printed, as soon as it holds `text`."""
    printed, end = "", time.monotonic() + 10
    while text not in printed:
        assert time.monotonic() < end, printed
        time.sleep(0.02)
        printed += capfd.readouterr().err
    return printed


def test_those_who_wait_say_for_whom(start, address, capfd):
    second = start(address, 3, 1)
    until(capfd, f"jaxseg: waiting for process 0 at {address}\n")
    first = start(address, 3, 0)
    told = f"jaxseg: waiting for 1 of 3 processes at {address} (missing: 2)\n"
    printed = until(capfd, told)
    while printed.count(told) < 4:  # by both, and again and again
        printed += until(capfd, told)
    third = start(address, 3, 2)
    assert [f.result(10) for f in (first, second, third)] == [None] * 3


def test_a_number_given_twice_is_explained_and_the_others_go_on(start, address):
    first, second = start(address, 3, 0), start(address, 3, 1)
    twice = start(address, 3, 1)
    done, _ = concurrent.futures.wait([second, twice], 10, "FIRST_EXCEPTION")
    (refused,) = done
    error = str(refused.exception())
    assert re.fullmatch(
        r"process_id=1 is invalid: process \d+ on \S+ uses it already. Give each "
        r"process its own --process-id from 0 to 2\.",
        error,
    )
    assert not first.done()
    start(address, 3, 2).result(10)
    assert first.result(10) is None


def test_process_0_twice_is_one_line(start, address):
    first = start(address, 2, 0)
    reach(address).close()
    twice = r"port=\d+ .*in use.*process 0 was started twice"
    with pytest.raises(ValueError, match=twice):
        rendezvous.wait_for_all(address, 2, 0)
    start(address, 2, 1).result(10)
    assert first.result(10) is None


@pytest.mark.parametrize("host", ["", "localhost"])
def test_a_busy_port_is_one_line(host):
    with socket.create_server((host, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ValueError, match=f"port={port} is invalid: expected a free port"
        ):
            rendezvous.wait_for_all(f"localhost:{port}", 1, 0)


def test_different_counts_are_explained(start, address):
    first, second = start(address, 2, 0), start(address, 3, 1)
    with pytest.raises(
        ValueError, match="processes=3 is invalid: expected 2, as for process 0"
    ):
        second.result(10)
    start(address, 2, 1).result(10)
    assert first.result(10) is None


def test_a_process_that_died_may_come_again(start, address, capfd):
    first = start(address, 2, 0)
    dead = reach(address)
    dead.sendall(b'{"id": 1, "processes": 2, "host": "h", "pid": 1}')  # without its end
    dead.close()
    start(address, 2, 1).result(10)
    assert first.result(10) is None


@pytest.mark.parametrize(
    "noise",
    [b"GET / HTTP/1.1\n", b"\xff" * 5000, b'{"id": []}\n', b"[" * 4000 + b"\n", b""],
)
def test_other_programs_do_not_disturb(start, address, noise):
    first = start(address, 2, 0)
    with reach(address) as other:
        other.sendall(noise)
        start(address, 2, 1).result(10)
        assert first.result(10) is None


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400\n", b"\0\0\x12\x04no end"])
def test_another_program_at_the_address_is_told(address, answer):
    port = int(address.rpartition(":")[2])
    with socket.create_server(("localhost", port)) as server:

        def serve():
            connection, _ = server.accept()
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(
            ValueError, match=r"coordinator='localhost.* another program"
        ):
            rendezvous.wait_for_all(address, 2, 1)
        thread.join()


def test_patience_ends(monkeypatch, address):
    monkeypatch.setattr(rendezvous, "PATIENCE", 0.3)
    with pytest.raises(ValueError, match="stopped waiting for 1 of 2 processes"):
        rendezvous.wait_for_all(address, 2, 0)
    with pytest.raises(ValueError, match="stopped waiting for process 0 at"):
        rendezvous.wait_for_all(address, 2, 1)
