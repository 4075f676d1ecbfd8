"""German, French, Spanish and Portuguese for the commonest requests: phrases and what they are in English, as data.

A phrase is rewritten only when the request begins, or a part of it begins, with one of the HEADS of that language, so that an
English request never meets these tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from .normalise import Text

_DE = {
    r"(?:kannst|könntest|würdest) du(?: bitte| mal)*(?: mir)?(?= .{1,200} (?:installieren|einrichten|aufsetzen)\b)": "install", r" (?:installieren|einrichten|aufsetzen)(?=$|\W)": "",
    r"(?:kannst|könntest|würdest) du(?: bitte| mal)*": "please",
    r"installier(?:e|en|st)?|richte (?=[\w.@-]+ (?:\d|ein))": "install",
    r"richte?(?: bitte)? (?:das |dieses )?projekt ein|projekt einrichten|richte alles ein": "set up the project",
    r"(?:mach|mache|erstelle|nimm|erzeuge)(?: bitte)?(?: mir)? (?:einen |ein )?(?:snapshot|schnappschuss|sicherungspunkt)": "take a snapshot",
    r"(?:mach|mache)(?: bitte)? (?:das|es|die letzte änderung) (?:wieder )?rückgängig|rückgängig(?: machen)?|nimm das zurück": "undo that",
    r"was (?:hat sich|ist|wurde)(?: hier)?(?: denn)? (?:geändert|verändert|anders)": "what changed",
    r"seit gestern": "since yesterday", r"zeige?(?: mir)?(?: bitte)? (?:den |die )?(?:verlauf|historie|geschichte)": "show history",
    r"zeige?(?: mir)?(?: bitte)? (?:den )?status|was läuft(?: hier)?(?: gerade)?": "status",
    r"was fehlt(?: hier| noch)*|was braucht (?:das|dieses) projekt|untersuche das projekt": "what is missing",
    r"zeige?(?: mir)?(?: bitte)? (?:die )?logs? (?:von|des|der)": "show logs of",
    r"führe?(?: bitte)? (?=.{1,200} aus\b)": "run ", r" aus(?=$| bitte)": "",
    r"(?:geh|gehe|kehre|spring)(?: bitte)? zurück (?:zu|auf|nach)": "rewind to", r"merke? dir(?:,)?(?: bitte)?(?: dass)?": "remember that",
    r"(?:liefere|stelle)(?: bitte)? (?:das |es )?(?:auf|nach)|deploye?(?: bitte)?(?: es)? (?:auf|nach|zu)": "deploy to",
    r"nicht": "not", r"und dann|danach": "and then", r"und": "and", r"bitte": "please", r"mit": "with", r"die neueste version von": "latest",
    r"aktualisiere": "upgrade", r"namens|mit (?:dem )?namen": "called",
}  # fmt: skip
_FR = {
    r"(?:peux|pourrais)-tu|(?:pouvez|pourriez)-vous|tu peux|il faut": "please", r"installer": "install",
    r"installe[rz]?": "install", r"(?:mets|met|mettez) à jour": "upgrade",
    r"configure[rz]? (?:le|ce) projet|prépare[rz]? (?:le|ce) projet": "set up the project",
    r"(?:prend|prends|fais|prenez|faites|crée) (?:un )?(?:snapshot|instantané)": "take a snapshot",
    r"annule[rz]?(?: ça| cela| la dernière action| le dernier changement)?": "undo that",
    r"qu'est[- ]ce qui a changé|qu'est-ce qui est différent|qu'a-t-on changé": "what changed", r"depuis hier": "since yesterday",
    r"(?:montre|affiche|montrez)(?:-moi| moi)? l'historique": "show history",
    r"(?:montre|affiche)(?:-moi| moi)? (?:le )?(?:statut|l'état)|qu'est-ce qui tourne": "status",
    r"(?:montre|affiche)(?:-moi| moi)? les (?:logs|journaux) (?:de|du)": "show logs of",
    r"qu'est-ce qui manque|de quoi (?:ce|le) projet a(?:-t-il)? besoin|analyse[rz]? le projet": "what is missing",
    r"déploie[rz]?(?: ça| le projet)? (?:sur|vers|en)": "deploy to", r"déploie[rz]?": "deploy", r"(?:exécute|lance)[rz]?": "run",
    r"reviens à|retourne à": "rewind to", r"(?:souviens-toi|rappelle-toi|retiens) que": "remember that",
    r"ne (?:.{1,40}) pas": "don't", r"et puis|puis|ensuite": "and then", r"et": "and", r"s'il (?:te|vous) pla[iî]t": "please", r"avec": "with",
    r"appelé|nommé": "called", r"(?<=install) (?:les|le|la) ": " the ",
}  # fmt: skip
_ES = {
    r"(?:puedes|podrías|puede|podría)": "please",
    r"instala[r]?|instale": "install", r"actualiza[r]?|actualice": "upgrade",
    r"(?:configura|prepara) (?:el|este) proyecto": "set up the project",
    r"(?:toma|haz|crea|saca|tomar) (?:un|una) (?:snapshot|instantánea|captura)": "take a snapshot",
    r"desha(?:z|cer)(?: eso| esto| lo último| el último cambio)?": "undo that", r"(?:qué|que) (?:ha cambiado|cambió|cambio)": "what changed",
    r"desde ayer": "since yesterday", r"(?:muestra|muéstrame|enseña)(?:me)? (?:el )?historial": "show history",
    r"(?:muestra|muéstrame)(?:me)? (?:el )?estado|(?:qué|que) (?:se )?está (?:corriendo|ejecutando)": "status",
    r"(?:muestra|muéstrame)(?:me)? los (?:logs|registros) de": "show logs of",
    r"(?:qué|que) falta(?: aquí)?|(?:qué|que) necesita este proyecto|(?:escanea|analiza) el proyecto": "what is missing",
    r"despliega(?:lo)? (?:en|a)": "deploy to", r"despliega(?:lo)?": "deploy", r"ejecuta[r]?|corre": "run", r"vuelve a": "rewind to",
    r"recuerda que": "remember that", r"luego|después": "and then", r"y": "and", r"por favor": "please", r"con": "with",
    r"llamad[oa]": "called",
}  # fmt: skip
_PT = {
    r"(?:você )?(?:pode|poderia)|podes": "please",
    r"instala[r]?|instale": "install", r"atualiza[r]?|atualize": "upgrade", r"(?:configura|configure|prepare) (?:o|este) projeto": "set up the project",
    r"(?:tira|tire|faz|faça|cria|crie) (?:um|uma) (?:snapshot|instantâneo)": "take a snapshot",
    r"desfa(?:z|ça|zer)(?: isso| isto| a última)?": "undo that", r"o que (?:mudou|foi alterado)": "what changed", r"desde ontem": "since yesterday",
    r"(?:mostra|mostre)(?:-me)? o histórico": "show history", r"(?:mostra|mostre)(?:-me)? o (?:status|estado)|o que está (?:rodando|a correr)": "status",
    r"(?:mostra|mostre)(?:-me)? os logs (?:de|do|da)": "show logs of", r"o que falta(?: aqui)?|do que este projeto precisa": "what is missing",
    r"(?:implanta|implante|faz deploy|faça deploy)(?: em| no| na)": "deploy to", r"execut(?:a|e|ar)|rod(?:a|e|ar)": "run", r"volta(?:r)? para": "rewind to",
    r"lembre? que|lembra-te que": "remember that", r"(?:e )?depois": "and then", r"e": "and", r"por favor": "please", r"com": "with",
    r"chamad[oa]": "called", r"(?<=install) (?:o|a|os|as) ": " the ",
}  # fmt: skip
_HEADS = {
    "de": r"(?:kannst|könntest|würdest) du|installier|richte|mach(?:e)? (?:bitte |mir |ein|das|es|die)|erstelle|nimm|was (?:hat|ist|läuft|fehlt|braucht|wurde)|zeige?(?: mir| den| die| bitte)|führe? |geh(?:e)? zurück|kehre|"
    r"merke? dir|deploye? |liefere|nicht |bitte |rückgängig|aktualisiere|untersuche|stelle|projekt ",
    "fr": r"(?:peux|pourrais)-tu|(?:pouvez|pourriez)-vous|tu peux|il faut|installe[rz]? |(?:mets|mettez) |prends? |prenez |annule|qu'est|qu'a|montre|affiche|déploie|exécute|lance[rz]? |reviens|retourne|souviens|retiens|rappelle-toi|configure[rz]? (?:le|ce)|fais |analyse[rz]? le|de quoi",
    "pt": r"(?:você )?(?:pode|poderia) |podes |instala[r]? (?:o|a|os|as) |instale |tir[ae] |desfa|o que |mostr[ae] |mostra-me|mostre-me|do que|implant|execut|rod[ae] |volta |lembr|faça |faz |atualiz|crie |configure o|configura o",
    "es": r"(?:puedes|podrías|puede|podría) |instala[r]? |instale |toma |haz |saca |desha|qué |que (?:ha|falta|nec|est|cam)|muestra|muéstra|enseña|despliega|ejecuta|vuelve|recuerda|actualiza|configura (?:el|este)|escanea|analiza",
}  # fmt: skip


_TABLES = {"de": _DE, "fr": _FR, "pt": _PT, "es": _ES}
_STARTS = {language: re.compile(rf"[¿¡ ]*(?:hey |bitte |ok )?(?:{heads})") for language, heads in _HEADS.items()}


@cache
def _compiled(language: str) -> list[tuple[re.Pattern[str], str]]:
    """A language's phrases, compiled when its first request comes: most people never need them."""
    return [(re.compile(_whole(phrase)), english) for phrase, english in _TABLES[language].items()]


def _whole(phrase: str) -> str:
    """The phrase as whole words, where it does not say itself what stands around it."""
    own = phrase.startswith(("(?<", " ")) or phrase.endswith(" ") or "(?=" in phrase
    return phrase if own else rf"(?<![\w@/.-])(?:{phrase})(?![\w@/-])"


def to_english(text: Text) -> Text:
    """The request with the phrases it is known by in English; an English one comes back as it is."""
    for language, start in _STARTS.items():
        if start.match(text.low):
            for phrase, english in _compiled(language):
                text = text.sub(phrase, _always(english, text))
            return text
    return text


def _always(english: str, text: Text) -> Callable[[re.Match[str]], str | None]:
    masked = text.masked()
    return lambda match: None if masked[match.start()] == "\x01" else english
