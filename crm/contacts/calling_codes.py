"""Country calling codes (ITU-T E.164), by ISO code and by the names shops write."""

_BY_CODE = """
1 US CA PR DO JM TT BS BB AG DM GD KN LC VC AI BM VG KY MS TC VI GU AS MP SX|7 RU KZ|20 EG|27 ZA|30 GR|31 NL|32 BE
33 FR|34 ES|36 HU|39 IT VA SM|40 RO|41 CH|43 AT|44 GB GG JE IM|45 DK|46 SE|47 NO SJ|48 PL|49 DE|51 PE|52 MX|53 CU
54 AR|55 BR|56 CL|57 CO|58 VE|60 MY|61 AU|62 ID|63 PH|64 NZ|65 SG|66 TH|81 JP|82 KR|84 VN|86 CN|90 TR|91 IN|92 PK
93 AF|94 LK|95 MM|98 IR|211 SS|212 MA|213 DZ|216 TN|218 LY|220 GM|221 SN|222 MR|223 ML|224 GN|225 CI|226 BF|227 NE
228 TG|229 BJ|230 MU|231 LR|232 SL|233 GH|234 NG|235 TD|236 CF|237 CM|238 CV|239 ST|240 GQ|241 GA|242 CG|243 CD
244 AO|245 GW|248 SC|249 SD|250 RW|251 ET|252 SO|253 DJ|254 KE|255 TZ|256 UG|257 BI|258 MZ|260 ZM|261 MG|262 RE YT
263 ZW|264 NA|265 MW|266 LS|267 BW|268 SZ|269 KM|291 ER|297 AW|298 FO|299 GL|350 GI|351 PT|352 LU|353 IE|354 IS
355 AL|356 MT|357 CY|358 FI AX|359 BG|370 LT|371 LV|372 EE|373 MD|374 AM|375 BY|376 AD|377 MC|380 UA|381 RS|382 ME
383 XK|385 HR|386 SI|387 BA|389 MK|420 CZ|421 SK|423 LI|501 BZ|502 GT|503 SV|504 HN|505 NI|506 CR|507 PA|509 HT
590 GP|591 BO|592 GY|593 EC|594 GF|595 PY|596 MQ|597 SR|598 UY|599 CW|670 TL|673 BN|674 NR|675 PG|676 TO|677 SB
678 VU|679 FJ|680 PW|682 CK|685 WS|686 KI|687 NC|688 TV|689 PF|691 FM|692 MH|852 HK|853 MO|855 KH|856 LA|880 BD
886 TW|960 MV|961 LB|962 JO|963 SY|964 IQ|965 KW|966 SA|967 YE|968 OM|970 PS|971 AE|972 IL|973 BH|974 QA|975 BT
976 MN|977 NP|992 TJ|993 TM|994 AZ|995 GE|996 KG|998 UZ
"""

_NAMES = {
    "US": "usa|u.s.|u.s.a.|united states|united states of america|estados unidos|états-unis|vereinigte staaten|美国",
    "CA": "canada|kanada|加拿大",
    "GB": "uk|united kingdom|great britain|england|scotland|wales|reino unido|royaume-uni|vereinigtes königreich|英国",
    "DE": "germany|deutschland|alemania|allemagne|germania|duitsland|德国",
    "AT": "austria|österreich|autriche|oostenrijk",
    "CH": "switzerland|schweiz|suisse|svizzera|suiza|zwitserland",
    "FR": "france|frankreich|francia|frankrijk|法国",
    "IT": "italy|italia|italien|italie|italië|意大利",
    "ES": "spain|españa|spanien|espagne|spagna|spanje|西班牙",
    "PT": "portugal|portogallo",
    "NL": "netherlands|the netherlands|nederland|niederlande|pays-bas|países bajos|holland|荷兰",
    "BE": "belgium|belgië|belgique|belgien|bélgica",
    "LU": "luxembourg|luxemburg",
    "IE": "ireland|eire|irland|irlande",
    "DK": "denmark|danmark|dänemark",
    "SE": "sweden|sverige|schweden",
    "NO": "norway|norge|norwegen",
    "FI": "finland|suomi|finnland",
    "IS": "iceland|ísland",
    "PL": "poland|polska|polen",
    "CZ": "czech republic|czechia|česko|tschechien",
    "HU": "hungary|magyarország|ungarn",
    "RO": "romania|românia",
    "GR": "greece|ελλάδα|griechenland",
    "TR": "turkey|türkiye|türkei",
    "RU": "russia|russian federation|россия",
    "UA": "ukraine|україна",
    "IL": "israel|ישראל",
    "AE": "united arab emirates|uae|الإمارات",
    "SA": "saudi arabia|السعودية",
    "IN": "india|भारत|indien",
    "BD": "bangladesh",
    "PK": "pakistan",
    "CN": "china|中国|中华人民共和国|mainland china|pr china",
    "HK": "hong kong|香港",
    "TW": "taiwan|台湾|臺灣",
    "JP": "japan|日本",
    "KR": "south korea|korea|대한민국|한국|韩国",
    "SG": "singapore|新加坡",
    "MY": "malaysia|马来西亚",
    "TH": "thailand|ประเทศไทย|泰国",
    "VN": "vietnam|việt nam|viet nam",
    "ID": "indonesia",
    "PH": "philippines",
    "AU": "australia|australien|澳大利亚",
    "NZ": "new zealand|neuseeland",
    "BR": "brazil|brasil|brasilien",
    "MX": "mexico|méxico|mexiko",
    "AR": "argentina|argentinien",
    "CL": "chile",
    "CO": "colombia",
    "ZA": "south africa|südafrika",
    "NG": "nigeria",
    "EG": "egypt|مصر",
}

CALLING_CODES: dict[str, str] = {}
for _group in _BY_CODE.replace("\n", "|").split("|"):
    if _group:
        _calling, *_isos = _group.split()
        CALLING_CODES |= {_iso.casefold(): _calling for _iso in _isos}
CALLING_CODES |= {name: CALLING_CODES[iso.casefold()] for iso, names in _NAMES.items() for name in names.split("|")}
