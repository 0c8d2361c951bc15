"""What is like what this person buys, by its name, category and price; also finds products nobody bought yet.

TF-IDF of the words of each name and category, of pairs of Chinese characters, and of the price band (fifths of the
shop's prices); cosine (Salton, Buckley, 1988). Without names only the price band speaks."""

import re

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from loyalty.estimators.recommenders.base import Purchases, Recommender
from loyalty.estimators.recommenders.popular import Popular
from loyalty.estimators.recommenders.repeat import personal

POPULAR_WEIGHT = 0.05
WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{2,}")
CHINESE = re.compile(r"[\u3400-\u9fff]+")


def words(text: str) -> list[str]:
    """Return the words of a text, Chinese runs cut into pairs of characters."""
    found = WORD.findall(text.lower())
    for run in CHINESE.findall(text):
        found += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
    return found + re.findall(r"\bpriceband\d\b", text)


class Content(Recommender):
    def learn(self, purchases: Purchases) -> None:
        p, h = purchases, purchases.history
        band = price_bands(p)
        names = [str(h.product_text[place]) for place in p.catalogue] if len(h.product_text) else [""] * p.size
        texts = [f"{name} priceband{fifth}" for name, fifth in zip(names, band.tolist())]
        self.words_ = TfidfVectorizer(analyzer=words, dtype=np.float32, sublinear_tf=True).fit_transform(texts)
        self.taste_ = (p.once(personal) @ self.words_).tocsr()
        self.popular_ = Popular().fit(h, p)

    def scores(self, customers: np.ndarray) -> np.ndarray:
        return (self.taste_[customers] @ self.words_.T).toarray() + POPULAR_WEIGHT * self.popular_.share_


def price_bands(purchases: Purchases) -> np.ndarray:
    """Return the fifth of the shop's prices that each product of the catalogue falls in, 0 to 4."""
    return np.searchsorted(np.quantile(purchases.price, [0.2, 0.4, 0.6, 0.8]), purchases.price)
