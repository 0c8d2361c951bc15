"""Workbooks for tests, written by hand so that every detail of the package can be chosen."""

import base64
import io
import zipfile
import zlib
from xml.sax.saxutils import escape

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATED = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = f"""<styleSheet {MAIN}><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/>
<numFmt numFmtId="165" formatCode="00000"/><numFmt numFmtId="166" formatCode='#,##0.00\\ "days"'/></numFmts>
<cellXfs count="7"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="164"/><xf numFmtId="165"/>
<xf numFmtId="20"/><xf numFmtId="166"/></cellXfs></styleSheet>"""
NUMBER, DAY, MOMENT, OWN_MOMENT, FIVE_DIGITS, CLOCK, WORDS = range(7)


def packed(parts: dict[str, str | bytes]) -> bytes:
    """Return a zip of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()


def xlsx(sheets, *, hidden=(), texts=(), epoch_1904=False) -> bytes:
    """Return a workbook of {sheet name: rows}; a row is XML, or a list of texts, numbers and (number, style)."""
    listed, relations, parts = [], [], {}
    for number, (name, rows) in enumerate(sheets.items(), start=1):
        state = ' state="hidden"' if name in hidden else ""
        listed.append(f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"{state}/>')
        relations.append(f'<Relationship Id="rId{number}" Type="{TYPE}/worksheet" Target="worksheets/s{number}.xml"/>')
        data = "".join(row if isinstance(row, str) else f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{number}.xml"] = f"<worksheet {MAIN}><sheetData>{data}</sheetData></worksheet>"
    relations.append(f'<Relationship Id="rId90" Type="{TYPE}/styles" Target="/xl/styles.xml"/>')
    relations.append(f'<Relationship Id="rId91" Type="{TYPE}/sharedStrings" Target="sharedStrings.xml"/>')
    dates = '<workbookPr date1904="1"/>' if epoch_1904 else "<workbookPr/>"
    return packed(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="rId1" Type="{TYPE}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f"<workbook {MAIN} {RELATED}>{dates}<sheets>{''.join(listed)}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f"<Relationships {RELATIONS}>{''.join(relations)}</Relationships>",
            "xl/styles.xml": STYLES,
            "xl/sharedStrings.xml": f"<sst {MAIN}>{''.join(texts)}</sst>",
            **parts,
        }
    )


def _cell(value) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    value, style = value if isinstance(value, tuple) else (value, NUMBER)
    return f'<c s="{style}"><v>{value}</v></c>'


# A workbook of Excel 97 with the sheets Notes and Orders, whose header stands in its second row; the fourth is empty.
XLS = zlib.decompress(
    base64.b85decode(
        "c-rk)O=wd=5T1Q`X_L_W^iODo5DHeU=|NNwp{8oJQAn)?QHxO1<{e6HBCqM83R<l>i6RJsB1oYYJXjUPf1w@(4@yN3f*_<SUV0KL"
        "cxdySnfG2yYJ~=Dq2+yHXLn|IW@mS2fAZc<l%|L8S5LwmYzG@;G$$10$OI;*$@l>4HI0g9?!cs3SXOX4a3PEA@XY<DnAVWidlDqL"
        "C%;4r@CDORH~}q*xDr@G>|`IJf_!KYGRB?+H!yjiiv22M+Qqb->0NI7oM|IVE;4PvwrSB06QP#6twtOlmTI`pgH*sH*7?MejZg`%"
        "DUQ!v7J6Gd>`=R-$5%>)UoL?Wz_o5x;)+UqCETLjd<0P+iPSeW1;XKNk%(XR!YH_ME7DMb0WtzVwE)1hc@m5VEcw#P1)%&_zP$J!"
        "atE&Nd~zo)?p*m5Nd_1M?U<l#kpeedlBvdy+drxFrEtG|v+JkCel@13eKQc|Q=bxsRGSiw1$q_KiA9r&jj{o(>gw-HCVCYW&z5L!"
        "qCcKQ8wt|K7VU{C>?_dWY;n=;!l#ih?=*7r9xXu{1230Ld8hiY*O}Wt-bXrHLmey`WIyzKY7GqqG&oBdsO-ts=(LVCHZVQMR#$Vm"
        "nrQ_N8S~oKN~5r6h})d!+FI;q6XQc@ZBBU|mQzy)9{W>YL+i0T);xK#V(epR7;133W2jHRAqa|~xPFcBBxL5oIMF^ct@`V9b4WhJ"
        "cg?try)a9=6H%()*isohq^5ZK{lQ|-s^IVdgD%He)kly&tAb~hsLq+QqjM5+wk&5uPR?>Na(2VAG{>?{@)&p5zMIo~?*zX$o|arZ"
        "1Lbh_mBbb#woWVbf_*3J7s|<-Q7@o%vMbMHS7y5h5pU5hS(4cjEx2A!mNpx6s!Pb%E#9uD54un7;^=|-qQ`;-3l=O`u&~lVZyb7)"
        "(0fKUUU5bGYo5RB%woz|pGj6M+8}|yB>oZH4ROp>7$_)yR)JlZw!{K;%<qMSL)g0tJ<!R1^b{Pw_(m4F<5{qx@BeL~Li^7Y;^!jw"
        "{~JZiEJ^"
    )
)
