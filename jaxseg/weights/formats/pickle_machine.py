"""Runs the pickle programs of checkpoints on a stack machine with strict checks.

Python's unpickler imports every name that a program contains, and hashes any key. This
machine does neither. A `World` defines the values of names and the results of calls,
and only short strings, small integers and names can be keys of dictionaries. The time
of an instruction depends only on the number of bytes that it reads. A program of n
bytes therefore takes time in proportion to n, about a microsecond for each byte, and at
most 100 n bytes of memory.
"""

from collections.abc import Callable
from typing import Any, Protocol

from jaxseg.weights.formats.containers import extend, fill
from jaxseg.weights.formats.opaque import Name, Unread
from jaxseg.weights.formats.pickle_instructions import LINE, Malformed, read

INSTRUCTIONS = 5_000_000  # A state dict needs about 50 for each tensor.
ARGUMENTS = 32  # The most arguments of a call.

_NEAR = 6  # An error names a string among the last entries of the stack.
_ABSENT = object()


class World(Protocol):
    """Defines the values of the names, calls and storages in a pickle program."""

    def name(self, full: str) -> Any:
        """Returns the value of a name such as `module.Class`, without importing it."""

    def call(self, function: Any, arguments: tuple) -> Any:
        """Returns a value for a call in the program, instead of making the call."""

    def persistent(self, identity: Any) -> Any:
        """Returns the tensor storage to which a persistent ID of the program refers."""


def run(data: bytes, start: int, world: World) -> tuple[Any, int]:
    """Runs a pickle program; returns its result and the position after its last byte.

    Args:
      data: The bytes that contain the program.
      start: The position of the program in bytes.
      world: Defines the values of names and the results of calls.

    Raises:
      Malformed: If the program is truncated, or does something that is not allowed.
    """
    return _Machine(data, start, world).run()


class _Machine:
    def __init__(self, data: bytes, start: int, world: World) -> None:
        self.data, self.position, self.world = data, start, world
        self.stack: list[Any] = []
        self.marks: list[int] = []  # Heights of the stack.
        self.memo: list[Any] = []
        self.done = 0  # Counts instructions and the items that calls take.
        self.allowed = min(INSTRUCTIONS, 2 * (len(data) - start))

    def run(self) -> tuple[Any, int]:
        try:
            while self.step() != "stop":
                pass
        except Malformed as error:
            text = str(error).removesuffix(".")
            raise Malformed(f"{text}{self.place()}.") from None
        return self.pop(), self.position

    def step(self) -> str:
        """Executes one instruction and returns its name."""
        name, argument, self.position = read(self.data, self.position)
        self.spend(1)
        if name == "push":
            self.stack.append(argument)
        elif name in _EFFECTS:
            _EFFECTS[name](self, argument)
        elif name != "stop":
            raise Malformed(f"the pickle instruction {name} is not allowed")
        return name

    def place(self) -> str:
        """Returns the nearest string on the stack, which is often the current key."""
        for value in self.stack[: -_NEAR - 1 : -1]:
            if type(value) is str:
                return f" (near {value[:100]!r})"
        return ""

    def spend(self, count: int) -> None:
        self.done += count
        if self.done > self.allowed:
            raise Malformed(f"the pickle program has more than {self.allowed:,} steps")

    # The stack.

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Malformed("this is not a pickle: the stack is empty too early")
        return self.stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def pop_items(self) -> list[Any]:
        """Returns everything above the last mark."""
        if not self.marks:
            raise Malformed("this is not a pickle: a mark is missing on the stack")
        height = self.marks.pop()
        items = self.stack[height:]
        del self.stack[height:]
        return items

    def put_mark(self, _) -> None:
        self.marks.append(len(self.stack))

    def drop(self, _) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.pop()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    # The memo.

    def put(self, index: int) -> None:
        if not 0 <= index <= self.done:
            raise Malformed(
                f"the pickle program writes memo entry {index}: expected a smaller "
                "number"
            )
        missing = index + 1 - len(self.memo)
        if missing > 0:
            self.memo.extend([_ABSENT] * missing)
        self.memo[index] = self.top()

    def memoize(self, _) -> None:
        self.memo.append(self.top())

    def get(self, index: int) -> None:
        value = self.memo[index] if 0 <= index < len(self.memo) else _ABSENT
        if value is _ABSENT:
            raise Malformed(
                f"the pickle program reads memo entry {index}, which was never written"
            )
        self.push(value)

    # Containers.

    def push_tuple1(self, _) -> None:
        self.push((self.pop(),))

    def push_tuple2(self, _) -> None:
        second = self.pop()
        self.push((self.pop(), second))

    def push_tuple3(self, _) -> None:
        third, second = self.pop(), self.pop()
        self.push((self.pop(), second, third))

    def append(self, _) -> None:
        self.extend([self.pop()])

    def extend(self, items: list[Any]) -> None:
        extend(self.top(), items)

    def set_item(self, _) -> None:
        value = self.pop()
        self.set_items([self.pop(), value])

    def set_items(self, items: list[Any]) -> None:
        fill(self.top(), items)

    def push_dict(self, items: list[Any]) -> None:
        table: dict[Any, Any] = {}
        fill(table, items)
        self.push(table)

    def push_set(self, _: Any) -> None:
        self.push(Unread("builtins.set"))

    # Names and calls.

    def push_name(self, parts: tuple[Any, Any]) -> None:
        module, name = parts
        if not isinstance(module, str) or not isinstance(name, str):
            raise Malformed(
                "this is not a pickle: the name of a class or function is not a string"
            )
        if len(module) + len(name) > LINE:
            raise Malformed("the pickle program contains a name that is too long")
        self.push(self.world.name(f"{module}.{name}"))

    def stack_name(self, _) -> None:
        name = self.pop()
        self.push_name((self.pop(), name))

    def call(self, _) -> None:
        arguments = self.pop()
        self.push_call(self.pop(), arguments)

    def push_call(self, function: Any, arguments: Any) -> None:
        if type(arguments) is not tuple or len(arguments) > ARGUMENTS:
            raise Malformed(
                "the pickle program calls a function with malformed arguments: "
                "expected a tuple"
            )
        self.spend(sum(len(a) for a in arguments if type(a) in (list, tuple)))
        self.push(self.world.call(function, arguments))

    def new_with_names(self, _) -> None:
        self.pop()
        self.call(None)

    def instance(self, parts: tuple[str, str]) -> None:
        arguments = tuple(self.pop_items())
        self.push_name(parts)
        self.push_call(self.pop(), arguments)

    def object(self, items: list[Any]) -> None:
        if not items:
            raise Malformed(
                "this is not a pickle: it creates an object without naming the class"
            )
        self.push_call(items[0], tuple(items[1:]))

    def build(self, _) -> None:
        """Ignores the state of an object.

        It is the `_metadata` of a state dict, or the state of a placeholder.
        """
        self.pop()
        owner = self.top()
        if type(owner) is Name:
            raise Malformed(
                f"the pickle program sets attributes of {owner.full}: expected no "
                "change of classes or functions. In PyTorch, save only the state dict"
            )
        if type(owner) not in (dict, Unread):
            raise Malformed(
                f"the pickle program sets attributes of a {type(owner).__name__}: "
                "expected only attributes of dictionaries and of objects that are "
                "skipped. In PyTorch, save only the state dict of the model"
            )

    def persistent(self, _) -> None:
        self.push(self.world.persistent(self.pop()))


def _items(effect: Callable[[_Machine, list[Any]], None]) -> Callable:
    """Makes an instruction whose argument is everything above the last mark."""
    return lambda machine, _: effect(machine, machine.pop_items())


def _constant(value: Any) -> Callable:
    return lambda machine, _: machine.push(value)


_EFFECTS: dict[str, Callable[[_Machine, Any], None]] = {
    "protocol": lambda machine, _: None,
    "frame": lambda machine, _: None,
    "mark": _Machine.put_mark,
    "pop": _Machine.drop,
    "pop_mark": _items(lambda machine, _: None),
    "duplicate": lambda machine, _: machine.push(machine.top()),
    "none": _constant(None),
    "true": _constant(True),
    "false": _constant(False),
    "empty_tuple": _constant(()),
    "empty_list": lambda machine, _: machine.push([]),
    "empty_dict": lambda machine, _: machine.push({}),
    "empty_set": _Machine.push_set,
    "tuple": _items(lambda machine, items: machine.push(tuple(items))),
    "tuple1": _Machine.push_tuple1,
    "tuple2": _Machine.push_tuple2,
    "tuple3": _Machine.push_tuple3,
    "list": _items(_Machine.push),
    "dict": _items(_Machine.push_dict),
    "frozenset": _items(_Machine.push_set),
    "append": _Machine.append,
    "appends": _items(_Machine.extend),
    "set_item": _Machine.set_item,
    "set_items": _items(_Machine.set_items),
    "add_items": _items(_Machine.extend),
    "put": _Machine.put,
    "memoize": _Machine.memoize,
    "get": _Machine.get,
    "name": _Machine.push_name,
    "stack_name": _Machine.stack_name,
    "call": _Machine.call,
    "new": _Machine.call,
    "new_with_names": _Machine.new_with_names,
    "instance": _Machine.instance,
    "object": _items(_Machine.object),
    "build": _Machine.build,
    "persistent": _Machine.persistent,
}
