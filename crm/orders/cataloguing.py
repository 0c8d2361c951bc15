"""What the shop sells, as a product file tells it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Item:
    """One product; amounts in minor units of `currency`, None where the file does not say."""

    sku: str = ""
    name: str = ""
    category: str = ""
    price_minor: int | None = None
    cost_minor: int | None = None
    currency: str = ""
    is_active: bool | None = None  # on sale; None: the file does not say
    line_number: int = 0
