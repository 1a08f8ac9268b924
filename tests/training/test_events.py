"""Event files: what tensorboardX reads and writes as well."""

import io

import pytest
from PIL import Image

from jaxseg.training.run.event_writer import EventWriter

tensorboardX = pytest.importorskip("tensorboardX")


def records(data):
    """The records of a file, without the checksums around them."""
    while data:
        size = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + size]
        data = data[16 + size :]


def test_events_are_those_of_tensorboardx(tmp_path):
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.record_writer import RecordWriter

    writer = EventWriter(tmp_path, purge_step=300)
    rows = [("train/loss", 0.125, 300), ("eval/mIoU \u00e9", -1e30, 2**31 - 1)]
    for row in rows:
        writer.add_scalar(*row)
    writer.close()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    found = [Event.FromString(record) for record in records(path.read_bytes())]
    assert found[0].file_version == "brain.Event:2"
    assert found[1].session_log.status == SessionLog.START
    assert [event.step for event in found] == [300, 300, 300, 2**31 - 1]
    for (tag, value, _), event in zip(rows, found[2:], strict=True):
        (scalar,) = event.summary.value
        assert scalar.tag == tag and scalar.simple_value == pytest.approx(value)
    again = RecordWriter(str(tmp_path / "again"))  # with checksums of its own
    for event in found:
        again.write(event.SerializeToString())
    again.close()
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_pictures_are_those_of_tensorboardx(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    buffer = io.BytesIO()
    Image.new("RGB", (300, 20), (1, 2, 3)).save(buffer, format="PNG")
    writer = EventWriter(tmp_path, purge_step=1)
    writer.add_image("lab/field", buffer.getvalue(), 7)
    writer.close()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    found = [Event.FromString(record) for record in records(path.read_bytes())][-1]
    (value,) = found.summary.value
    assert (found.step, value.tag) == (7, "lab/field")
    assert (value.image.width, value.image.height, value.image.colorspace) == (
        300,
        20,
        3,
    )
    assert value.image.encoded_image_string == buffer.getvalue()


def test_two_writers_have_two_files(tmp_path):
    for _ in range(2):
        EventWriter(tmp_path, purge_step=1).close()
    assert len(list(tmp_path.iterdir())) == 2
