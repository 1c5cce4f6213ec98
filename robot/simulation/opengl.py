"""An offscreen OpenGL context: EGL, or OSMesa where there is no EGL."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from typing import Any


class NoOpenGLError(RuntimeError):
    """This machine cannot render offscreen."""


def _linux_context(backend: str, width: int, height: int) -> Any:
    # PyOpenGL binds to one platform at import: forget a binding that failed.
    for name in [n for n in sys.modules if n == "OpenGL" or n.startswith("OpenGL.")]:
        del sys.modules[name]
    sys.modules.pop(f"mujoco.{backend}", None)
    os.environ["PYOPENGL_PLATFORM"] = backend
    context = importlib.import_module(f"mujoco.{backend}").GLContext(width, height)
    context.make_current()
    return context


def create_context(width: int, height: int) -> Any:
    """Makes a context current on this thread and returns it (``make_current()``, ``free()``).

    ``MUJOCO_GL`` (``egl`` or ``osmesa``) picks the backend on Linux; without it both are tried.

    Raises:
        NoOpenGLError: if none works.
    """
    if platform.system() != "Linux":
        context = importlib.import_module("mujoco").GLContext(width, height)
        context.make_current()
        return context
    wanted = os.environ.get("MUJOCO_GL", "").lower().strip()
    if wanted not in ("", "egl", "osmesa"):
        raise NoOpenGLError(f"MUJOCO_GL is {wanted!r}: offscreen pictures need egl or osmesa")
    backends = (wanted,) if wanted else ("egl", "osmesa")
    failures: list[str] = []
    for backend in backends:
        if backend in _working:
            return _working[backend].GLContext(width, height)
        try:
            context = _linux_context(backend, width, height)
        # Each backend fails in its own way: a missing library is an AttributeError in PyOpenGL.
        except Exception as error:
            failures.append(f"{backend} ({type(error).__name__}: {str(error).splitlines()[0]})")
            continue
        _working[backend] = sys.modules[f"mujoco.{backend}"]
        return context
    raise NoOpenGLError(
        f"no OpenGL to draw pictures with, tried {' and '.join(failures)}: install one "
        "(Debian, Ubuntu: apt-get install libegl1 libgl1-mesa-dri, or libosmesa6), or do without "
        "pictures (without_opengl: skip, in the callbacks that draw them)"
    )


_working: dict[str, Any] = {}
