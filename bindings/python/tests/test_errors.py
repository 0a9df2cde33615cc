"""Exceptions and the library's own table of codes are the same list."""

import pointmill
from pointmill import _raw, errors


def test_every_code_has_its_exception_and_every_exception_its_code():
    codes = {number: name for number, (name, _) in _raw.codes().items() if number != 0}
    classes = {number: cls.name for number, cls in errors.BY_CODE.items() if isinstance(number, int)}
    assert codes == classes


def test_exceptions_are_also_what_python_has():
    for cls in errors.BY_CODE.values():
        assert issubclass(cls, pointmill.Error) and len(cls.__mro__) > 4
        assert cls.code < 0 and getattr(pointmill, cls.__name__) is cls
