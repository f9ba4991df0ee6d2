"""Bank accounts, their operations, and bills."""

from collections.abc import Iterator
from datetime import timedelta

from local.demo_data.record import Record, record
from local.demo_data.seed import chance, identifier, iso, moment
from local.demo_data.words import SHOPS, phrase

_ACCOUNTS, _OPERATIONS, _BILLS = "io.cozy.bank.accounts", "io.cozy.bank.operations", "io.cozy.bills"
_KINDS = ("Checkings", "Savings", "CreditCard", "Life insurance", "Loan")


def accounts(user: str) -> Iterator[Record]:
    """Yield the bank accounts."""
    rng = chance(user, _ACCOUNTS)
    for number, kind in enumerate(_KINDS):
        yield record(
            user,
            _ACCOUNTS,
            number,
            moment(rng, 30),
            label=f"{kind} {rng.choice(('Crédit Coopératif', 'Sparkasse', 'Länsbanken'))}",
            institutionLabel="Demo bank",
            iban=f"FR76{rng.randrange(10**23):023d}",
            type=kind,
            balance=round(rng.uniform(-500, 25000), 2),
            currency="EUR",
        )


def operations(user: str, count: int) -> Iterator[Record]:
    """Yield ``count`` movements on the accounts."""
    rng = chance(user, _OPERATIONS)
    for number in range(count):
        when = moment(rng, 1800)
        yield record(
            user,
            _OPERATIONS,
            number,
            when + timedelta(days=rng.randint(0, 3)),
            account=identifier(user, _ACCOUNTS, rng.randrange(len(_KINDS))),
            label=f"{rng.choice(SHOPS)} {phrase(rng, 2)}",
            originalBankLabel=f"CARD {rng.randrange(10**6):06d} {rng.choice(SHOPS).upper()}",
            amount=round(rng.uniform(-250, 50), 2),
            currency="EUR",
            date=iso(when),
            isComing=False,
            manualCategoryId=str(400000 + 10 * rng.randrange(90)),
        )


def bills(user: str, count: int) -> Iterator[Record]:
    """Yield ``count`` bills."""
    rng = chance(user, _BILLS)
    for number in range(count):
        when = moment(rng, 1200)
        yield record(
            user,
            _BILLS,
            number,
            when,
            vendor=rng.choice(SHOPS),
            amount=round(rng.uniform(3, 400), 2),
            currency="EUR",
            date=iso(when),
            filename=f"{when:%Y%m}_{rng.choice(SHOPS)}.pdf",
            isRefund=rng.random() < 0.05,
        )
