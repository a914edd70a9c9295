"""How a cluster is paid for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from qke_core.models.base import Model, refuse

Term = Literal["1m", "3m", "6m", "1y", "2y", "3y", "4y", "5y"]


class Billing(Model):
    """Billing mode (guide G-033): by the second, or under contract for a term."""

    mode: Annotated[Literal["on-demand", "contract"], Field(default="on-demand")]
    term: Annotated[Term | None, Field(default=None, description="Length of the contract, such as 1y.")]

    @model_validator(mode="after")
    def _term_fits(self) -> Billing:
        """A contract has a term, and only a contract has one."""
        if (self.mode == "contract") != (self.term is not None):
            sentence = "A contract needs a term" if self.term is None else "Only a contract has a term"
            raise refuse("billing.term", sentence, "write {mode: contract, term: 1y}, or {mode: on-demand}")
        return self


ON_DEMAND = Billing(mode="on-demand", term=None)
