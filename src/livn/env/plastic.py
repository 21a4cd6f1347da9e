"""A culture that learns: the calls about plasticity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from livn.env.culture import DEFAULT_DT
from livn.env.dish import Dish

if TYPE_CHECKING:
    from livn.plasticity import PlasticitySummary, RuleParameters, Weights

__all__ = ["Plastic"]


class Plastic(Dish):
    """Plasticity on and off, homeostasis, and the weights."""

    def enable_plasticity(self, config: Mapping[str, Any] | None = None) -> Self:
        """Let synapses learn. A call while on changes the parameters only.

        Args:
            config: None: the model's defaults; `{parameter: value}` for every synapse; `{"EXC": {...}, "INH": {...}}`
                for the rules named. Overrides sit on the model's defaults, not on the previous call. Weights outside
                new bounds are clipped at once; `w_init` applies at a reset, or at once while nothing has been
                simulated or rescaled.

        Raises:
            ValueError: unknown rule or parameter, a mixture of the two forms, values out of range.
            RuntimeWarning: (a warning) no synapse of this network is plastic.
        """
        self._learner().enable(config)
        return self

    @property
    def plasticity_on(self) -> bool:
        """Whether synapses learn in the next run."""
        self._check_not_closed()
        return self._learning is not None and self._learning.on

    @property
    def plasticity_parameters(self) -> dict[str, RuleParameters]:
        """Parameters of the learning rules in force, by rule: `"EXC"` and `"INH"`.

        Raises:
            RuntimeError: before `init()`.
        """
        return dict(self._learner().rules)

    def disable_plasticity(self) -> Self:
        """Freeze the weights, bit for bit, until plasticity is enabled again."""
        self._learner().disable()
        return self

    def normalize_weights(self, target: Any = None) -> Self:
        """Homeostasis: scale each cell's plastic incoming weights so that their sum is `target` (None: their number).

        Weights held at their bounds stay there and the rest is rescaled until the sum fits within 1e-6; see
        `livn.weights.normalize_weights`. Works with plasticity on or off.

        Raises:
            ValueError: a target that is negative or not finite.
            RuntimeWarning: (a warning) a target that the bounds don't allow, or a network without plastic synapses.
        """
        self._learner().normalize(target)
        return self

    def get_weights(self) -> Weights:
        """A snapshot of the multiplier of every synapse that can learn, plasticity on or off."""
        return self._learner().weights()

    def set_multipliers(self, weights: Any) -> Self:
        """Put multipliers back: what `get_weights` returned, a mapping with (some of) its keys, or an array.

        Raises:
            ValueError: outside the bounds, an unknown key, a wrong length.
        """
        self._learner().set_multipliers(weights)
        return self

    def plasticity_summary(self) -> PlasticitySummary:
        """What plasticity did since it was last switched on or the culture was cleared; prints as a table.

        Under MPI of the whole culture, and to be called on every rank.
        """
        return self._learner().summary(self._dt or DEFAULT_DT)
