// Classic and blocking on purpose: the page must not flash in the other theme. The script policy forbids inline code.
(function () {
  var root = document.documentElement;
  var kept = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
  if (kept) root.dataset.theme = kept[1];
  root.dataset.js = "";
})();
