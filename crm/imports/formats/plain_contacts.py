"""Any list of people: the columns are known by their names, in the languages shops write them.

Taken without asking where a column holds e-mail addresses, or phones beside names; a list with orders or products in it
is left to the page where columns are matched. Columns we have no field for are kept with the person.
"""

import hashlib
import re
from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from crm.imports import values
from crm.imports.formats import _china, _naming, _people, base, plain
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "plain_contacts"
LABEL = _("Any list of people")
KIND = base.CONTACTS
SOURCE = "list"

FIELDS = {
    "customer": _("Customer number"), "name": _("Customer's name"), "first": _("First name"), "last": _("Family name"),
    "email": _("E-mail"), "phone": _("Phone"), "company": _("Company"), "street": _("Street"),
    "street2": _("Street, second line"), "postcode": _("Postcode"), "city": _("City"), "region": _("Region"),
    "country": _("Country"), "birthday": _("Birthday"), "tags": _("Tags"), "language": _("Language"),
    "consent": _("May we write to them?"), "refusal": _("Must we not write to them?"), "joined": _("Customer since"),
}  # fmt: skip

# Names of columns without blanks and punctuation; the more telling come first.
_NAMES = {
    "customer": "customerid customernumber customerno clientid memberid membernumber memberno kundennummer kundennr"
    " kundenid numeroclient numéroclient idcliente numerodecliente codicecliente klantnummer klantid 客户编号 客户号"
    " 会员号 会员编号 会员卡号 顧客番号 고객번호 номерклиента",
    "name": "name fullname customername clientname contactname displayname kundenname nomcomplet nomclient"
    " nombrecompleto nomecompleto naam nombre nome nom 姓名 客户姓名 会员姓名 顾客姓名 联系人 客户名称 昵称 氏名"
    " お名前 이름 имя фио",
    "first": "firstname givenname forename vorname prénom prenom voornaam 名 名字 имя名",
    "last": "lastname familyname surname nachname familienname nomdefamille apellidos apellido cognome achternaam 姓"
    " фамилия",
    "email": "email emailaddress mail mailaddress mailadresse emailadresse customeremail contactemail courriel"
    " adressemail adresseemail adressedemessagerie correo correoelectronico correoelectrónico indirizzoemail"
    " emailadres 邮箱 电子邮箱 电子邮件 邮箱地址 邮件 電郵 電子郵件 メール メールアドレス 이메일 почта эл.почта",
    "phone": "mobile mobilephone mobilenumber cell cellphone phone phonenumber telephone tel handy handynummer"
    " mobiltelefon telefon telefonnummer portable téléphone telephonemobile móvil movil teléfono telefono cellulare"
    " mobiel telefoon telefoonnummer 手机 手机号 手机号码 电话 联系电话 联系方式 手機 電話 電話番号 전화번호 телефон",
    "company": "company companyname organization organisation firma unternehmen société societe entreprise empresa"
    " azienda società bedrijf 公司 公司名称 单位 会社 компания",
    "street": "street streetaddress address address1 addressline1 strasse straße anschrift adresse rue direccion"
    " dirección calle indirizzo via straat adres 地址 详细地址 收货地址 住址 住所 адрес",
    "street2": "address2 addressline2 streetaddress2 adresszusatz",
    "postcode": "postcode zip zipcode postalcode plz postleitzahl codepostal codigopostal códigopostal cap 邮编"
    " 邮政编码 郵便番号",
    "city": "city town suburb stadt ort ville ciudad città citta stad plaats woonplaats 城市 市 所在城市 город",
    "region": "region state province provincecode stateprovince county bundesland département provincia provincie 省"
    " 省份 地区",
    "country": "country countrycode land pays país pais paese 国家 国 страна",
    "birthday": "birthday birthdate dateofbirth dob geburtstag geburtsdatum datedenaissance anniversaire"
    " fechadenacimiento cumpleaños datadinascita compleanno geboortedatum verjaardag 生日 出生日期 誕生日 생년월일",
    "tags": "tags labels categories groups tag gruppe schlagwörter étiquettes etiquetas 标签 分组 会员等级",
    "language": "language locale preferredlanguage sprache langue idioma lingua taal 语言",
    "consent": "acceptsemailmarketing acceptsmarketing emailmarketingconsent marketingconsent emailconsent consent"
    " newsletter newsletteroptin emailoptin optin optinstatus marketingoptin subscribed subscriptionstatus"
    " emailsubscriberstatus emailsubscriptionstatus emailstatus emailmarketing einwilligung newsletterabonniert"
    " abonné inscrit consentement suscrito consentimiento iscritto consenso toestemming ingeschreven 是否订阅 订阅"
    " 订阅状态 营销同意 同意接收 接受营销",
    "refusal": "unsubscribed optout optedout emailoptout donotcontact donotemail donotmail nomarketing suppressed"
    " bounced abgemeldet désinscrit 退订 已退订 拒收 勿扰",
    "joined": "joined joinedat signedup signupdate createdat created dateadded registered registeredat"
    " registrationdate membersince customersince kundeseit erstelltam registriertam inscritle fechaderegistro"
    " dataregistrazione 注册时间 注册日期 加入时间 入会时间 创建时间 成为会员时间",
}  # fmt: skip
_KNOWN = _naming.vocabulary(_NAMES)
_TRADE = re.compile(  # columns of orders and products
    r"(order|invoice|transaction|receipt|purchase) ?(id|no\.?|nr\.?|number|date|#)|invoiceno|orderid|sku"
    r"|product( name)?|line ?item.*|quantity|qty|unit ?price|price|stock(code)?"
    r"|订单(号|编号)|商品(名称|编号|id)?|单价|数量"
    r"|bestellnummer|rechnungs(nr|nummer)"
)
_STATUS = re.compile(r"subscrib|cleaned|bounced|订阅|退订", re.IGNORECASE)


def sniff(header: Header) -> float:
    """Return how well the names of the columns tell a list of people: never as sure as a platform's own format."""
    if plain.sniff(header) >= base.SURE or any(_TRADE.fullmatch(name) for name in header.index):
        return 0.0
    mapping = guess(header)
    if "email" in mapping:
        return 0.6 if len(mapping) > 1 else 0.55
    return 0.5 if "phone" in mapping and mapping.keys() & {"name", "first", "last"} else 0.0


def guess(header: Header) -> dict[str, int]:
    """Return what each column means, by its name."""
    mapping = _naming.guess(header, _KNOWN)
    if "name" in mapping:  # Nom, Prénom and Nombre, Apellidos: the word for a name is also the word for a part of it
        if "first" in mapping and "last" not in mapping:
            mapping["last"] = mapping.pop("name")
        elif "last" in mapping and "first" not in mapping:
            mapping["first"] = mapping.pop("name")
    if "consent" not in mapping and "status" in header:
        mapping["status"] = header.index["status"]
    return mapping


def needs(header: Header, mapping: Mapping[str, int]) -> Needs:
    mapping = mapping or guess(header)
    return Needs(dates=tuple(mapping[name] for name in ("birthday", "joined") if name in mapping))


def parse(groups, options: Options):
    mapping = options.mapping or guess(options.header)
    column = {name: mapping.get(name, options.missing) for name in (*FIELDS, "status")}
    source = options.source or _source_of(options.header, mapping)
    rest = _people.rest(options.header, set(mapping.values()) - {mapping.get("status")})
    is_chinese = "手机" in options.header.names[mapping["phone"]] if "phone" in mapping else False
    for group in groups:
        line_number, cells = group[0]
        try:
            person = _person(cells, column, rest, options, line_number)
        except BadValue as error:
            yield from base.bad(group, error)
            continue
        person.source = source
        if is_chinese and not person.country and (number := _china.phone(person.phone)).startswith("1"):
            person.phone, person.country = number, "CN"
        yield person


def _source_of(header: Header, mapping: Mapping[str, int]) -> str:
    """Return whose numbers a list holds: customer 1 of one list is not customer 1 of another."""
    if "customer" not in mapping:
        return SOURCE
    name = values.fold(header.names[mapping["customer"]])
    return f"{SOURCE}-{hashlib.blake2b(name.encode(), digest_size=3).hexdigest()}"


def _person(cells, column, rest, options: Options, line_number: int) -> Person:
    told = {name: clean(cells[index]) for name, index in column.items()}
    key = _china.said(told["customer"])
    emails, phones = _people.emails([told["email"]]), _people.phones([told["phone"]])
    if values.is_scientific(key):
        key = ""  # a spreadsheet lost its digits: the e-mail or phone must do
    phones = [text for text in phones if not values.is_scientific(text)]
    if not (key or emails or phones):
        if told["email"]:
            raise BadValue(_("“%(text)s” is not an e-mail address") % {"text": told["email"][:60]})
        raise BadValue(_("The row has no customer number, no e-mail and no phone"))
    consent, detail = _consent(told, column, options.header)
    born, noted = _people.birthday(told["birthday"], day_first=options.day_first)
    return Person(
        source=SOURCE,
        key=key,
        name=_people.full_name(told["first"], told["last"]) or base.person_name(told["name"]),
        email=next(iter(emails), ""),
        phone=next(iter(phones), ""),
        company=base.company(told["company"]),
        street=base.person_name(told["street"], told["street2"]),
        postcode=told["postcode"],
        city=told["city"],
        region=told["region"],
        country=told["country"],
        birthday=born,
        language=told["language"][:10],
        tags=_people.tags(told["tags"]),
        extra={**noted, **_people.others(emails, phones), **rest(cells)},
        consent=consent if emails or consent == "no" else "",
        consent_detail=detail,
        joined_at=base.joined(told["joined"], options, line_number),
        authoritative=True,
        line_number=line_number,
    )


def _consent(told: Mapping[str, str], column: Mapping[str, int], header: Header) -> tuple[str, str]:
    """Return the answer of a row and the words it stands in; a no beats a yes."""
    answers = {name: _people.answer(told[name]) for name in ("consent", "refusal", "status")}
    if not _STATUS.search(told["status"]):
        answers["status"] = ""
    answers["refusal"] = "no" if answers["refusal"] == "yes" else ""
    for wanted in ("no", "yes"):
        for name, answer in answers.items():
            if answer == wanted:
                return answer, f"{header.names[column[name]].strip()} = {told[name]}"[:250]
    return "", ""
