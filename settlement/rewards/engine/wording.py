"""An operation as people read it: names of facts, parameters and definitions, and signs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from settlement.rewards.engine import operations as ops
from settlement.rewards.engine.cards import Measure
from settlement.rewards.engine.parameters import PolicyVersion
from settlement.rewards.engine.texts import Text

_SIGNS = {"sum": " + ", "difference": " − ", "ratio": " × "}
_COMPARED = {">=": " ≥ ", ">": " > ", "<": " < ", "==": " = "}


def formula(
    measure: Measure,
    version: PolicyVersion,
    operation: ops.Operation,
    *,
    readings: Mapping[str, str] | None = None,
) -> Text:
    """One operation in both languages; definitions by their name.

    With the `readings` of a decision it is told as it was computed: the chosen reading alone, and each definition by
    the label of the line that shows it, or written out where no line does.
    """
    lines = {
        line.amount.name: line.label
        for step in measure.steps
        for line in step.lines
        if isinstance(line.amount, ops.Defined)
    }
    if readings is not None and isinstance(operation, ops.Defined):
        operation = measure.definitions[operation.name]
    return _Teller(
        measure,
        labels={spec.name: spec.label for spec in measure.facts},
        rows={row.name: row.label for row in version.parameters},
        members={m.name: m.label for spec in measure.facts for m in spec.members},
        readings=readings,
        lines=lines,
    ).say(operation)


def _joined(sign: str, parts: list[Text]) -> Text:
    return Text(sign.join(part.zh for part in parts), sign.join(part.en for part in parts))


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells operations of one measure; the names are those of its facts, parameters and rows."""

    measure: Measure
    labels: Mapping[str, Text]
    rows: Mapping[str, Text]
    members: Mapping[str, Text]
    lines: Mapping[str, Text]
    readings: Mapping[str, str] | None = None

    def say(self, each: ops.Operation) -> Text:  # noqa: PLR0911, PLR0912
        match each:
            case ops.Fact(name):
                return self.labels[name]
            case ops.Param(name) | ops.MonthParam(name):
                return self.rows[name]
            case ops.InRow(name):
                return self.members[name]
            case ops.Defined(name) if self.readings is not None:
                return self.lines[name] if name in self.lines else self._written_out(name)
            case ops.Defined(name):
                return Text(f"[{name}]", f"[{name}]")
            case ops.Chosen(name, options) if self.readings is not None:
                return self.say(options[self.readings[name]])
            case ops.Chosen(name, options):
                question = next(q for q in self.measure.questions if q.name == name)
                readings = [(question.option(key).label, self.say(option)) for key, option in options.items()]
                return Text(
                    f"〔{'；'.join(f'{label.zh}：{said.zh}' for label, said in readings)}〕",
                    f"[{'; '.join(f'{label.en}: {said.en}' for label, said in readings)}]",
                )
            case ops.Arithmetic(terms, "min"):
                return self._many("较小值", "least", terms)
            case ops.Arithmetic(terms, "max"):
                return self._many("较大值", "greatest", terms)
            case ops.Arithmetic(terms, "rounded"):
                return self._many("取整", "rounded", terms[:1])
            case ops.Arithmetic((), _):
                return Text("0", "0")
            case ops.Arithmetic(terms, name):
                return _joined(_SIGNS[name], [self.say(term) for term in terms])
            case ops.Compare(left, "starts_with", right):
                first, second = self.say(left), self.say(right)
                return Text(f"{first.zh}属于{second.zh}", f"{first.en} among {second.en}")
            case ops.Compare(left, how, right):
                return _joined(_COMPARED[how], [self.say(left), self.say(right)])
            case ops.Decided(_, decides, terms):
                said = [self.say(term) for term in terms]
                return Text(
                    f"（{(' 或 ' if decides else ' 且 ').join(part.zh for part in said)}）",
                    f"({(' or ' if decides else ' and ').join(part.en for part in said)})",
                )
            case ops.Negated(term):
                found = self.say(term)
                return Text(f"不是：{found.zh}", f"not {found.en}")
            case ops.Excepting(base, exceptions):
                found, waivers = self.say(base), [self.say(rule.when) for rule in exceptions]
                return Text(
                    f"{found.zh}（除外：{'、'.join(w.zh for w in waivers)}）",
                    f"{found.en} (except: {', '.join(w.en for w in waivers)})",
                )
            case _:
                return self._from_registers(each)

    def _written_out(self, name: str) -> Text:
        definition = self.measure.definitions[name]
        whole = self.say(definition)
        if isinstance(definition, ops.Fact | ops.Param):
            return whole
        return Text(f"（{whole.zh}）", f"({whole.en})")

    def _many(self, zh: str, en: str, terms: tuple[ops.Operation, ...]) -> Text:
        said = [self.say(term) for term in terms]
        return Text(
            f"{zh}（{'，'.join(each.zh for each in said)}）", f"{en}({', '.join(each.en for each in said)})"
        )

    def _from_registers(self, each: ops.Operation) -> Text:  # noqa: PLR0911
        """What reads years, awards and lists of rows."""
        match each:
            case ops.YearWithin(start, years):
                return _joined(
                    " + ",
                    [
                        Text(f"年度 ∈ {self.say(start).zh}", f"year within {self.say(start).en}"),
                        self.say(years),
                    ],
                )
            case ops.YearOfValidity():
                return Text("有效期内第几年", "year of the validity")
            case ops.CountPriorAwards():
                return Text("登记簿中此前获奖年数", "earlier years in the register")
            case ops.SumOfAwards():
                return Text("登记簿中同一事项已奖励", "granted before for the matter")
            case ops.MonthsSince(day, _):
                found = self.say(day)
                return Text(f"自{found.zh}起的月数", f"months since {found.en}")
            case ops.AgeInMonth():
                return Text("当月首日周岁", "age on the month's first day")
            case ops.SumOver(register, when, value):
                shown, condition = (self.say(value) if value else Text("1", "1")), self.say(when)
                return Text(
                    f"对{self.labels[register].zh}逐条合计：{shown.zh}，条件 {condition.zh}",
                    f"over {self.labels[register].en}: sum of {shown.en} where {condition.en}",
                )
            case _:
                return Text("是", "yes")
