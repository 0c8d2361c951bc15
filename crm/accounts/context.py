"""What every template may read: the shop and the page's place in the menu."""


def shop(request):
    return {"shop": getattr(request, "shop", None), "theme": request.COOKIES.get("theme", "")}
