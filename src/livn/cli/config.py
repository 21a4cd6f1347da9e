"""What `livn run` and `livn train` can be told: each field is an option of the command and a key of its TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import click
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from livn.checks import unknown
from livn.cli.options import SYSTEM, Duration, duration_ms, duration_text

__all__ = ["RunConfig", "SharedConfig", "TrainConfig", "configured", "dumped", "flag_of", "options_of", "read_file"]


def _system(value: Any) -> str:
    try:
        return SYSTEM.convert(value, None, None)
    except click.BadParameter as e:
        raise ValueError(e.message) from None


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got {value}")
    return value


def _truth(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, got {value!r:.100}")
    return value


def _pairs(value: Any) -> Any:
    """`["EXC.A_ltp=2"]` of a command line as the tables that a file has."""
    if not isinstance(value, list | tuple):
        return value
    held: dict[str, Any] = {}
    for text in value:
        name, equals, number = str(text).partition("=")
        try:
            if not (name and equals):
                raise ValueError
            amount = float(number)
        except ValueError:
            raise ValueError(f"must be NAME=NUMBER, got {text!r}") from None
        held[name.strip()] = amount
    return held


def _grouped(value: Any) -> Any:
    """Parameters by rule, where names are `EXC.A_ltp`."""
    flat = _pairs(value)
    if not isinstance(flat, Mapping):
        return flat
    held: dict[str, Any] = {}
    for name, number in flat.items():
        rule, dot, parameter = str(name).partition(".")
        if not dot:
            held[name] = {**held.get(name, {}), **number} if isinstance(number, Mapping) else number
        elif isinstance(held.setdefault(rule, {}), dict):
            held[rule][parameter] = number
        else:
            raise ValueError(f"{name!r} names a parameter of {rule!r}, which is itself given a number")
    return held


Milliseconds = Annotated[float, BeforeValidator(duration_ms), PlainSerializer(duration_text)]
Pause = Annotated[float, BeforeValidator(lambda value: duration_ms(value, zero=True)), PlainSerializer(duration_text)]
Flag = Annotated[bool, BeforeValidator(_truth)]
Whole = Annotated[int, BeforeValidator(_number)]


def option(default: Any, text: str, metavar: str | None = None, zero: bool = False, **bounds: Any) -> Any:
    """A field with the help of its option; `zero`: a duration that may be 0."""
    extra: dict[str, Any] | None = {"metavar": metavar, "zero": zero} if metavar else None
    return Field(default=default, description=text, json_schema_extra=extra, validate_default=True, **bounds)


class SharedConfig(BaseModel):
    """What both commands take; `system` is an argument of theirs."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    command: ClassVar[str]

    system: Annotated[str, BeforeValidator(_system)] = option("EI1", "A predefined system, or a system's directory.")
    seed: Whole = option(123, "Seed of the noise and of every random choice.", "N", ge=0, le=2**64 - 1)
    engine: str | None = option(None, "What integrates: cpu or neuron; by default LIVN_BACKEND, else cpu.", "NAME")
    threads: Whole | None = option(
        None, "Threads, at most; by default as many as the culture can use.", "N", ge=1, le=1024
    )
    precision: str = option(
        "double", "Of the arithmetic: double, or single, which is faster and gives other spikes.", "NAME"
    )
    rules: Annotated[dict[str, Any], BeforeValidator(_grouped)] = option(
        {}, "A parameter of the learning rules, such as A_ltp=2 or EXC.A_ltp=2; may be repeated.", "NAME=NUMBER"
    )
    set: Annotated[dict[str, Any], BeforeValidator(_pairs)] = option(
        {},
        "A parameter as env.set_params names it: EXC_EXC=2, noise-g_e0=0.002, cells-soma.g_pas=1e-4; may be repeated.",
        "NAME=NUMBER",
    )
    voltage_cells: Whole = option(3, "Record the potentials of this many cells of each population.", "N", ge=0)
    voltage_every: Milliseconds = option("0.1ms", "Spacing of the potentials.", "DURATION")
    weight_synapses: Whole = option(5000, "Sample the weights of about this many synapses, drawn by chance.", "N", ge=0)
    weights_every: Milliseconds = option("10ms", "Spacing of the weights.", "DURATION")
    lfp: Flag = option(False, "Record field potentials at the electrodes. [default: no]")
    lfp_every: Milliseconds = option("0.5ms", "Spacing of the field potentials.", "DURATION")


class RunConfig(SharedConfig):
    """Options of `livn run`."""

    command = "run"

    duration: Milliseconds = option("1s", "How long to simulate, in the culture's time.", "DURATION")
    plasticity: Flag = option(False, "Let the synapses learn. [default: no]")
    normalize_every: Pause | None = option(
        None, "Homeostasis: scale every cell's weights back to a mean of 1 this often; 0: never.", "DURATION", zero=True
    )


class TrainConfig(SharedConfig):
    """Options of `livn train`."""

    command = "train"

    baseline: Pause = option(
        "200ms", "How long the culture runs before it learns; 0: not at all.", "DURATION", zero=True
    )
    training: Milliseconds = option("1s", "How long it learns.", "DURATION")
    evaluation: Pause = option("200ms", "How long it runs with frozen weights; 0: not at all.", "DURATION", zero=True)
    normalize_every: Pause = option(
        "100ms", "Homeostasis in training: scale every cell's weights back to a mean of 1 this often; 0: never.",
        "DURATION", zero=True,
    )  # fmt: skip


def options_of(config: type[SharedConfig]) -> Any:
    """A decorator that gives a command an option for every field but `system`, in the order: own, then shared."""

    def decorate(function: Any) -> Any:
        for name in reversed(_in_order(config)[1:]):
            function = _option(config, name)(function)
        return function

    return decorate


def _in_order(config: type[SharedConfig]) -> list[str]:
    """The system, what only this command has, what both have."""
    own = [name for name in config.model_fields if name not in SharedConfig.model_fields]
    return ["system", *own, *(name for name in SharedConfig.model_fields if name != "system")]


def flag_of(name: str) -> str:
    """How the command line names a field."""
    return "SYSTEM" if name == "system" else "--" + {"rules": "rule"}.get(name, name).replace("_", "-")


def _option(config: type[SharedConfig], name: str) -> Any:
    field = config.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    flag = flag_of(name)
    if field.annotation is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=field.description)
    options: dict[str, Any] = {"multiple": True} if isinstance(field.default, dict) else {"default": None}
    text = field.description if field.default in (None, {}) else f"{field.description} [default: {field.default}]"
    metavar = str(extra["metavar"])
    kind: Any = Duration(bool(extra["zero"])) if metavar == "DURATION" else str
    return click.option(flag, name, type=kind, metavar=metavar, help=text, **options)


def read_file(path: Path, config: type[SharedConfig]) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        click.UsageError: it is not TOML, or has a key that is no option.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as e:  # not UTF-8, not TOML, a number too long, or tables too deep
        raise click.UsageError(f"{path} is not TOML: {e}") from None
    for name in document:
        if name not in config.model_fields:
            others = (RunConfig, TrainConfig)
            elsewhere = [c.command for c in others if c is not config and name in c.model_fields]
            if elsewhere:
                raise click.UsageError(f"{path}: {name!r} is an option of livn {elsewhere[0]}, not of {config.command}")
            raise click.UsageError(f"{path}: {unknown('option', name, config.model_fields)}")
    return document


def configured(
    config: type[SharedConfig], given: Mapping[str, Any], file: Path | None, *, needs_system: bool = True
) -> Any:
    """The options in force: those of the command line, else of the file, else the defaults.

    Raises:
        click.UsageError: one of them is not legal; it says which, and where it came from.
    """
    told = {name: value for name, value in given.items() if value is not None and value != ()}
    document = {} if file is None else read_file(file, config)
    try:
        made = config(**document | told)
    except ValidationError as e:
        error = e.errors()[0]
        name = str(error["loc"][0]) if error["loc"] else "?"
        message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        if not error["msg"].startswith("Value error") and "got" not in message:
            message += f", got {error['input']!r:.100}"
        if name in told:
            raise click.BadParameter(message, param_hint=flag_of(name)) from None
        raise click.UsageError(f"{file}: {name}: {message}") from None
    _check_names(made)
    if needs_system and "system" not in made.model_fields_set:
        raise click.UsageError("Missing argument 'SYSTEM': EI1, EI2, EI3, EI4, or a system's directory.")
    return made


def _check_names(config: SharedConfig) -> None:
    """Refuse names of engines, precisions and rules' parameters that there are not, before anything is built."""
    from livn.checks import choice
    from livn.engine.registry import engine_names
    from livn.models.plasticity import DEFAULTS
    from livn.plasticity import merge

    checks = {
        "--engine": lambda: config.engine is None or choice("engine", config.engine, engine_names()),
        "--precision": lambda: choice("precision", config.precision, ("double", "single")),
        "--rule": lambda: merge(config.rules, DEFAULTS),
    }
    for flag, check in checks.items():
        try:
            check()
        except (ValueError, TypeError) as e:
            raise click.BadParameter(str(e), param_hint=flag) from None


def dumped(config: SharedConfig) -> str:
    """The options in force as a TOML file, with what they mean; those that are not set in comments."""
    import tomli_w

    values = config.model_dump()
    lines = [f"# Options of livn {config.command}; use: livn {config.command} --config FILE", ""]
    tables = []
    for name in _in_order(type(config)):
        field, value = type(config).model_fields[name], values[name]
        if isinstance(value, dict):
            held = tomli_w.dumps({name: value}) if value else f"# [{name}]\n"
            tables.append(f"# {field.description}\n{held}")
        else:
            text = f"# {name} =\n" if value is None else tomli_w.dumps({name: value})
            lines.append(f"# {field.description}\n{text}")
    return "\n".join([*lines, *tables])
