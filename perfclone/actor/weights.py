"""`model.safetensors`: written in 16 bit, read only if every tensor is what the actor's config asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from perfclone.errors import UserError

#: safetensors' names of what an actor's tensors can be stored as.
_FLOATING = frozenset({"F64", "F32", "F16", "BF16"})
_WHOLE = {torch.uint8: "U8"}
#: How modules make tensors.
_FACTORIES = frozenset(
    {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.arange, torch.tensor}
)


class Hollow(TorchFunctionMode):
    """Modules built inside have shapes but no memory, and no time is spent on values that a file is going to give.

    So nothing is taken because a config says so, before :func:`read_weights` has seen that the file agrees.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Make tensors on the device "meta", and leave out initialisation, which gives the tensor that it is given."""
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs.get("tensor", args[0] if args else None)
        if function in _FACTORIES:
            kwargs["device"] = kwargs.get("device") or "meta"
        return function(*args, **kwargs)


def weights_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Give the content of a file: floating point in 16 bit, the rest as it is."""
    return save({name: _small(value) for name, value in tensors.items()}, metadata={"format": "pt"})


def _small(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if value.is_floating_point() else value


def read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the tensors of a file, all of them and no other, once its header has been found to fit.

    The library refuses a header that is too long, whose offsets overlap, leave gaps or do not give the shapes, before
    anything else is read; what it names is then held against what is expected.

    Args:
        path: The file.
        expected: Name -> a tensor of the shape and kind; it may be on the device "meta".

    Returns:
        Name -> tensor of the expected type; those of convolutions lie channels-last.

    Raises:
        UserError: The file is damaged, or a tensor is missing, odd, of another shape or kind, or not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            _check_header(file, path, expected)
            tensors = {name: file.get_tensor(name) for name in expected}
    except (SafetensorError, OSError, RuntimeError) as error:  # the last where the file is gone
        raise UserError(
            f"{path} is damaged or no safetensors file ({error}); fetch or train the actor again."
        ) from error
    tensors = {name: _as_computed(value, expected[name].dtype) for name, value in tensors.items()}
    floating = {name: value.sum() for name, value in tensors.items() if value.is_floating_point()}
    if not torch.isfinite(torch.stack(list(floating.values()))).all():  # one look at all: what is not finite stays so
        name = next(name for name, total in floating.items() if not torch.isfinite(total))
        raise UserError(f"{path}: {name} holds values that are not finite; fetch or train the actor again.")
    return tensors


def _as_computed(value: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor in the type and, of a convolution, in the memory format in which G computes."""
    return value.to(dtype, memory_format=torch.channels_last if value.dim() == 4 else torch.preserve_format)


def _check_header(file, path: Path, expected: Mapping[str, Tensor]) -> None:
    odd = sorted(set(file.keys()) ^ set(expected))
    if odd:
        raise UserError(f"{path} does not fit its config: {len(odd)} tensors differ, such as {odd[0]}.")
    for name, want in expected.items():
        header = file.get_slice(name)
        shape, kind = tuple(header.get_shape()), header.get_dtype()
        if shape != tuple(want.shape):
            raise UserError(f"{path}: {name} has shape {shape}, its config asks for {tuple(want.shape)}.")
        fits = kind in _FLOATING if want.is_floating_point() else kind == _WHOLE.get(want.dtype)
        if not fits:
            raise UserError(f"{path}: {name} has type {kind}, it should be like {want.dtype}.")
