// For the shop's own pages: tells Regulars what a known customer looks at, and only after they agreed.
//
//   regulars.agree()              the visitor said yes in the shop's own banner; kept in this browser
//   regulars.refuse()             forgets the yes and who it was
//   regulars.identify(token)      who is logged in (a token from /api/v1/customers/<id>/visit-token)
//   regulars.product(sku, name)   a product is being looked at; regulars.cart(sku, name) was put into the cart
//
// A link in one of our messages brings the token along, behind the # of the address, where no server sees it.
(() => {
  const home = new URL("./visits/", document.currentScript.src);
  const store = window.localStorage;
  const [AGREED, WHO] = ["regulars.agreed", "regulars.who"];
  let brought = new URLSearchParams(location.hash.slice(1)).get("rg");
  if (brought) {
    const rest = location.hash.slice(1).split("&").filter((part) => !part.startsWith("rg=")).join("&");
    history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
  }

  function number() { // where a page without https has no randomUUID
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function tell(kind, sku = "", product = "") {
    const who = store.getItem(WHO);
    if (store.getItem(AGREED) !== "yes" || !who) return;
    const visit = { who, kind, sku, product, path: location.pathname, id: number() };
    navigator.sendBeacon(home, new Blob([JSON.stringify(visit)], { type: "text/plain" }));
  }

  function know(token) {
    brought = token;
    if (store.getItem(AGREED) === "yes") store.setItem(WHO, token);
  }

  window.regulars = {
    agree() {
      store.setItem(AGREED, "yes");
      if (brought) store.setItem(WHO, brought);
      tell("page");
    },
    refuse() { store.removeItem(AGREED); store.removeItem(WHO); },
    identify: know,
    product(sku, name) { tell("product", sku, name); },
    cart(sku, name) { tell("cart", sku, name); },
  };
  if (brought) know(brought);
  tell("page");
})();
