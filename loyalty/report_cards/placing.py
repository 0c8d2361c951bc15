"""Where in time a method is tested."""


def placed(history, *, task: str, cut: int | None, horizon: int | None):
    """Return (the past up to the cut, horizon), and refuse a cut whose window has not ended."""
    from loyalty.estimators import churn, intent
    from loyalty.estimators.base import NotEnoughData

    def usual(past) -> int:
        return intent.HORIZON if task == "intent" else churn.suggest_horizon(past)

    if cut is None:
        horizon = horizon or usual(history.upto(history.as_of))
        cut = history.as_of - horizon
    past = history.upto(cut)
    if not len(past.order_day):
        raise NotEnoughData("orders", have=0, need=1)
    horizon = horizon or usual(past)
    if cut + horizon > history.as_of:
        raise NotEnoughData("future_days", have=history.as_of - cut, need=horizon)
    return past, horizon
