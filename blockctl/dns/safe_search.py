"""Search engines and what their operators say to answer for them so that adult results are left out.

Sources, each the operator's own page: Google "Lock SafeSearch for accounts, devices & networks you manage"
(support.google.com/websearch/answer/186669) for the hosts of www.google.com/supported_domains; YouTube "Manage your
organization's YouTube settings" (support.google.com/a/answer/6214622, moderate); Microsoft "Block adult content with
SafeSearch" (strict.bing.com); DuckDuckGo "Safe Search"; Yandex "Family search" (the address); Pixabay, Brave, Ecosia.
"""

from __future__ import annotations

GOOGLE = "forcesafesearch.google.com"
YOUTUBE = "restrictmoderate.youtube.com"
YANDEX = "213.180.193.56"

_GOOGLE = (
    "com ad ae al am as at az ba be bf bg bi bj bs bt by ca cat cd cf cg ch ci cl cm cn cv cz de dj dk dm dz ee es fi "
    "fm fr ga ge gg gl gm gr gy hn hr ht hu ie im iq is it je jo kg ki kz la li lk lt lu lv md me mg mk ml mn mu mv mw "
    "ne nl no nr nu pl pn ps pt ro rs ru rw sc se sh si sk sm sn so sr st td tg tl tm tn to tt vu ws "
    "co.ao co.bw co.ck co.cr co.id co.il co.in co.jp co.ke co.kr co.ls co.ma co.mz co.nz co.th co.tz co.ug co.uk co.uz "
    "co.ve co.vi co.za co.zm co.zw com.af com.ag com.ar com.au com.bd com.bh com.bn com.bo com.br com.bz com.co com.cu "
    "com.cy com.do com.ec com.eg com.et com.fj com.gh com.gi com.gt com.hk com.jm com.kh com.kw com.lb com.ly com.mm "
    "com.mt com.mx com.my com.na com.ng com.ni com.np com.om com.pa com.pe com.pg com.ph com.pk com.pr com.py com.qa "
    "com.sa com.sb com.sg com.sl com.sv com.tj com.tr com.tw com.ua com.uy com.vc com.vn"
)
_YANDEX = "com com.am com.ge com.tr az by co.il ee eu fr kz lt lv md ru tj tm ua uz"

# Host -> the name, or the address, that is answered in its place.
SAFE: dict[str, str] = {
    **{f"www.google.{end}": GOOGLE for end in _GOOGLE.split()},
    **dict.fromkeys(
        (
            "www.youtube.com",
            "m.youtube.com",
            "youtubei.googleapis.com",
            "youtube.googleapis.com",
            "www.youtube-nocookie.com",
        ),
        YOUTUBE,
    ),
    **dict.fromkeys(("www.bing.com", "edgeservices.bing.com"), "strict.bing.com"),
    **dict.fromkeys(("duckduckgo.com", "www.duckduckgo.com", "start.duckduckgo.com"), "safe.duckduckgo.com"),
    **{f"{www}yandex.{end}": YANDEX for end in _YANDEX.split() for www in ("", "www.")},
    **dict.fromkeys(("ya.ru", "www.ya.ru"), YANDEX),
    "pixabay.com": "safesearch.pixabay.com",
    "search.brave.com": "safesearch.brave.com",
    "www.ecosia.org": "strict-safe-search.ecosia.org",
}
