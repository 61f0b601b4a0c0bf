"""Asking somebody at a terminal, one line at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from perfclone.errors import UserError


def ask(question: str, default: str = "", check: Callable[[str], object] | None = None, optional: bool = False) -> str:
    """Ask until there is an answer that goes.

    Args:
        question: Without a question mark or colon.
        default: Taken for an empty answer, and shown.
        check: Raises UserError for what does not go; its sentence is shown.
        optional: Whether an empty answer goes where there is no default.

    Raises:
        UserError: Nobody is there to answer.
    """
    prompt = f"{question} [{default}]: " if default else f"{question}: "
    while True:
        try:
            answer = input(prompt).strip() or default
        except EOFError as error:
            raise UserError("Nobody answers here; give --myself NAME or --json FIELDS instead.") from error
        if not answer and optional:
            return ""
        try:
            if not answer:
                raise UserError("An answer is needed.")
            if check:
                check(answer)
        except UserError as error:
            print(f"  {error}")
        else:
            return answer


def agreed(question: str) -> bool:
    """Ask for yes or no; no by default."""
    return ask(f"{question} (y/n)", "n", _check_yes_no).lower().startswith("y")


def words(text: str) -> list[str]:
    """Split "web, social" into its words."""
    return text.replace(",", " ").split()


def ask_consent(usual: Callable[[str, str], dict]) -> dict:
    """Ask for all that a consent record says, but for its reference videos.

    Args:
        usual: Gives the usual fields for a subject and whoever records it.
    """
    from perfclone.governance.consent import rules

    subject = ask("Who is seen (name or pseudonym)", check=lambda text: rules.check_text("The name", text, rules.NAME))
    recorder = ask("Who records this consent", subject, lambda text: rules.check_text("The name", text, rules.NAME))
    fields = usual(subject, recorder)

    def some(question: str, name: str, choices: tuple[str, ...]) -> None:
        print(f"  {name}: {', '.join(choices)}")
        check = lambda text: rules.check_choices(name, tuple(words(text)), choices)  # noqa: E731
        fields[name] = words(ask(question, ", ".join(fields[name]), check))

    def territory(text: str) -> str | tuple[str, ...]:
        value = text.lower() if text.lower() == rules.WORLDWIDE else tuple(words(text.upper()))
        rules.check_territory(value)
        return value

    def last_day(text: str) -> None:
        if rules.parse_day("The date", text) < date.today():
            raise UserError(f"The date must not be past, got {text}.")

    note = lambda text: rules.check_text("The text", text, rules.NOTE)  # noqa: E731
    some("For what", "purposes", rules.PURPOSES)
    fields["purpose_note"] = ask("The purpose in your own words (may be empty)", check=note, optional=True)
    some("Where may it be shown", "media", rules.MEDIA)
    fields["territory"] = territory(ask("In which countries (codes such as JP)", fields["territory"], territory))
    fields["expires"] = ask("Until when", fields["expires"], last_day)
    fields["train_others"] = agreed("May the footage train models of others")
    fields["revocation"] = ask("How can it be revoked", fields["revocation"], note)
    return fields


def _check_yes_no(text: str) -> None:
    if text.lower() not in ("y", "n", "yes", "no"):
        raise UserError(f"The answer must be y or n, got {text!r}.")
