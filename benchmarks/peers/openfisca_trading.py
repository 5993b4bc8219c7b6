"""OpenFisca-core computing article 3(1) of every firm: `openfisca_trading.py FIRMS.npz TIMES`, then one line.

The file holds one array a fact, in one order, and `amount_fen`, what is to come out. The answer is {"seconds": median of
giving the inputs and calculating, "differing": how many firms are off by a fen or more}.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import numpy
from openfisca_core import periods
from openfisca_core.entities import build_entity
from openfisca_core.simulation_builder import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

YEAR = "2025"
Firm = build_entity(
    key="firm",
    plural="firms",
    label="a firm",
    is_person=True,
)


class revenue_yuan(Variable):  # noqa: N801 - OpenFisca names a variable by its class
    value_type = float
    entity = Firm
    definition_period = periods.DateUnit.YEAR
    label = "annual actual revenue"


class is_in_scope(Variable):  # noqa: N801
    value_type = bool
    entity = Firm
    definition_period = periods.DateUnit.YEAR
    label = "a data firm with a certificate and years left"


class reward_yuan(Variable):  # noqa: N801
    value_type = float
    entity = Firm
    definition_period = periods.DateUnit.YEAR
    label = "article 3(1)"

    def formula(firm: Any, period: Any) -> Any:  # noqa: N805
        revenue = firm("revenue_yuan", period)
        due = numpy.minimum(revenue * 0.01, 1_000_000)
        return numpy.where(firm("is_in_scope", period) * (revenue >= 5_000_000), due, 0)


def main() -> None:
    drawn = numpy.load(sys.argv[1])
    system = TaxBenefitSystem([Firm])
    system.add_variables(revenue_yuan, is_in_scope, reward_yuan)
    print(json.dumps({"firms": len(drawn["revenue_fen"])}), flush=True)
    seconds, found = [], None
    for _time in range(int(sys.argv[2])):
        begun = time.perf_counter()
        simulation = SimulationBuilder().build_default_simulation(system, count=len(drawn["revenue_fen"]))
        simulation.set_input("revenue_yuan", YEAR, drawn["revenue_fen"] / 100)
        simulation.set_input("is_in_scope", YEAR, drawn["is_in_scope"])
        found = simulation.calculate("reward_yuan", YEAR)
        seconds.append(time.perf_counter() - begun)
    assert found is not None
    # Its fractions of a fen are not rounded away: only a whole fen too little or too much counts.
    excess = found.astype("float64") * 100 - drawn["amount_fen"]
    differing = int(((excess < -0.01) | (excess > 1.01)).sum())
    for _line in sys.stdin:
        print(json.dumps({"seconds": statistics.median(seconds), "differing": differing}), flush=True)


if __name__ == "__main__":
    main()
