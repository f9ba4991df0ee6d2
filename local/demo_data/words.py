"""The words that the demo data is made of, from many languages on purpose."""

import random

GIVEN = (
    "Ada", "Aïcha", "Åsa", "Björn", "Çağla", "Dvořák", "Élodie", "François", "Günther", "Ḥasan", "Ígor", "José",
    "Κατερίνα", "Łukasz", "Małgorzata", "Nguyễn", "Ólafur", "Þóra", "Raphaël", "Søren", "Şebnem", "Ümit", "Žofie",
    "Олена", "Дмитро", "Նարե", "נועה", "ליאור", "فاطمة", "يوسف", "नेहा", "ธนพร", "佐藤", "小明", "지민", "Zoë",
)  # fmt: skip
FAMILY = (
    "Okonkwo", "Müller", "Lefèvre", "García", "Öztürk", "Nowák", "Andersson", "O’Brien", "van den Berg", "Szczęsny",
    "Papadópoulos", "Шевченко", "כהן", "الحسن", "शर्मा", "王", "田中", "김", "Nakamura-Østergaard", "Smith", "Dupont",
)  # fmt: skip
CITIES = ("Lyon", "Malmö", "Kraków", "İzmir", "Reykjavík", "São Paulo", "Αθήνα", "Київ", "תל אביב", "القاهرة", "東京")
STREETS = (
    "rue de la Paix",
    "Hauptstraße",
    "Storgatan",
    "ulica Długa",
    "Calle Mayor",
    "İstiklal Caddesi",
    "вул. Садова",
)
SHOPS = ("Boulangerie Colibri", "REWE", "Biedronka", "SNCF", "Café Zürich", "Migros", "東急ハンズ", "Librería Ñandú")
WORDS = (
    "garden", "ticket", "Müsli", "train", "naïve", "receipt", "window", "école", "bicycle", "fjord", "soup", "niño",
    "library", "piñata", "cloud", "smörgåsbord", "weekend", "façade", "contract", "coöperate", "harbour", "żółw",
)  # fmt: skip
EMOJI = ("🌱", "🚲", "🎂", "👩‍👩‍👧‍👦", "🇫🇷", "✈️", "🫖", "🏔️")


def full_name(rng: random.Random) -> tuple[str, str]:
    """Return a given and a family name."""
    return rng.choice(GIVEN), rng.choice(FAMILY)


def phrase(rng: random.Random, most: int = 5) -> str:
    """Return a few words, now and then with an emoji."""
    words = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))
    return f"{words} {rng.choice(EMOJI)}" if rng.random() < 0.15 else words


def text(rng: random.Random, sentences: int) -> str:
    """Return a text of that many sentences."""
    return " ".join(f"{phrase(rng, 12).capitalize()}." for _ in range(sentences))
