"""How people say what only makes sense after what was said before, in five languages: for requests of SHORT."""

from __future__ import annotations

import re

SHORT = 200
"""Characters. What is longer stands on its own, and is not put through these patterns."""
_LEAD = r"(?:please |now |then |(?:ok(?:ay)?|no|nope|wait|oops|oh|ah|hm+|ugh)[,.! ]+|and |so |just |(?:can|could|would|will) you |bitte |jetzt |und )*"
_END = r"(?:[, ]+(?:please|now|then|for (?:now|a (?:moment|while|bit))|bitte|s'il (?:te|vous) pla[iî]t|por favor))*\W*$"
AGAIN = re.compile(
    _LEAD
    + r"(?:do (?:that|it|this|the same)(?: thing)? (?:again|once more|one more time)|(?:try |run )?(?:that |it )?again|(?P<look>show|print|list|check|give)(?: me| us)? (?:that|it|this|them|those) (?:again|once more)|retry(?: that| it)?|(?:once|one) more(?: time)?|once again|repeat(?: (?:that|it|the last (?:command|one)))?|same again|rerun(?: it| that)?|redo that|"
    r"(?:mach (?:das|es) )?(?:noch ?einmal|nochmals?)|encore(?: une fois)?|refais(?:-le| ça| ca)?|otra vez|de nuevo|rep[ií]telo|hazlo otra vez|de novo|outra vez|mais uma vez|repete)"
    r"(?:,? (?:please|bitte)(?=[, ]+(?:but|and|aber|on|with|auf) ))?(?:[, ]+(?:but |and |aber |mais |pero |mas )(?=\S)|, (?=with|on|at|in|to|the last)|(?= (?:with|on) )|(?P<end>"
    + _END
    + "))"
)
OTHER = re.compile(
    r"(?:(?:no|nope|not that one|wrong one|wait|nein|non|não)\b)?[,.! ]*(?:i meant |i mean |rather |take |use |try |go with )?(?:the other(?: one)?|d(?:as|ie|en) andere[n]?|l'autre|el otro|la otra|[oa] outr[oa])"
    + _END
)
OTHER_HOST = re.compile(
    _LEAD
    + r"(?:also |do )?(?:the same )?(?:thing )?(?:on|at|to) the other (?:host|box|machine|server|one|container|node)(?: too| as well|, too)?"
    + _END
)
SAME = re.compile(
    _LEAD
    + r"(?:(?:do )?(?:the )?same (?:thing )?(?:for|with|on|to|in|at) (?=\S)|(?:ditto|likewise) (?:for|with|on) |(?:do|run) (?:it|that) (?=(?:on|for|with) \S)"
    r"|das ?(?:gleiche|selbe) (?:für|auf|mit|in) |la m[eê]me chose (?:pour|sur|avec) |(?:pareil|idem) (?:pour|sur|avec) |lo mismo (?:para|en|con) |o mesmo (?:para|em|com|no|na) |a mesma coisa (?:para|em|com|no|na) )"
)
AND = re.compile(
    r"(?:(?:and |but )?(?:also|too) (?:for |with )?|(?:and|now|then) (?:also |now |for |with )*|what about |how about |(?:only|just|but) (?=the last|last|\d)|und (?:auch |jetzt |nun )*|auch |et (?:aussi )?|aussi |y (?:también )?|también |e (?:também )?|também |(?=(?:with|on|to|in|at|only) \S|\d+ (?:replicas?|instances?|copies|lines?)\b))(?=\S)"
)
MEANT = re.compile(
    r"(?:(?:no|nope|sorry|wait|oops|oh|ah|hm+|actually|wrong one|not that one|nein|non|pardon|perdón|não|desculpa)\b[,.! ]*)*"
    r"(?:(?:not (?:that|that one)[,. ]+)?(?P<sure>i (?:meant|mean|wanted|said)|rather|make (?:it|that|this)|ich mein(?:t)?e|je voulais dire|quise decir|quis dizer) |(?P<no>(?<=[,.! ]))(?:(?:take|use) (?:the )?)?)(?=\S)"
)
INSTEAD = re.compile(r"(?:take |use |try )?(?P<what>.+) (?:instead|too|as well|stattdessen|plutôt)\W*$")
NOT = re.compile(
    r"(?:no[,. ]+)?(?:i (?:meant|wanted|said) )?(?:not|nicht|pas|não) (?:on |to |the )*(?P<old>\S+?)(?:,| but|, but|,? sondern|,? mais)+ (?:on |to |the )*(?P<new>\S+?)"
    + _END
    + r"|(?:no[,. ]+)?(?:i (?:meant|mean|wanted|said) )?(?:on |to |the )*(?P<new2>\S+?),? (?:and )?not (?:on |to |the )*(?P<old2>\S+?)"
    + _END
)
SESSION = re.compile(
    _LEAD
    + r"(?:(?P<do>pause|resume|continue|unpause|flush|stop|end|cancel|kill|quit) (?:it|that|this|the sync(?:ing)?)|(?P<bare>pause|resume|continue|unpause|flush)|(?P<abroad>pausiere (?:es|das)|mets[- ](?:le|ça) en pause|páusalo|pausa isso))(?: again)?"
    + _END
)
ACTIONS = {"continue": "resume", "unpause": "resume", "stop": "end", "cancel": "end", "kill": "end", "quit": "end"}
DESTROY = re.compile(
    _LEAD
    + r"(?:(?:zerstöre?|lösche?) (?:es|das)|(?:détruis|supprime)[- ](?:le|la|ça)|(?:destrúye|elimína|bórra)lo|(?:destrói|apaga|remove) isso|(?:destroy|kill|delete|remove|(?P<stop>stop)|tear (?=.* down)|take (?=.* down)|get rid of|throw away|shut (?=.* down)|throw (?=.* away))(?: down)? ?(?:it|that|this)(?: one)?(?: down| away)?(?: again)?)"
    + _END
)
SCALE = re.compile(_LEAD + r"(?:scale|bump|raise|reduce|set) (?:it|that|them)(?: up| down| back)? to (?=\d)")
ROLL = re.compile(_LEAD + r"roll (?:(?:it|that|this) back|back (?:it|that|this))" + _END)
UNDO = re.compile(
    _LEAD
    + r"(?:undo (?:it|that|this)|(?:take|roll) (?:it|that|this) back|revert (?:it|that|this)|(?:mach|nimm) (?:das|es) (?:wieder )?(?:rückgängig|zurück)|(?:annule|défais)(?:-le| ça| cela)|"
    r"desha[sz](?:lo| eso| esto)|desfa[zç]a?(?: isso| isto)?)" + _END
)
LONGER = re.compile(
    _LEAD
    + r"(?:keep|give|extend|leave|(?:i|we) need) (?:it|that)(?: alive| around| running| up| on)?(?: for| by)? (?P<hours>(?:another |an |a |half |the )*[\w.]+(?: more| extra)?(?: \w+)?)(?: longer| more)?"
    + _END
)
SWITCH_BACK = re.compile(_LEAD + r"(?:switch|change) (?:it )?back(?: again)?" + _END)
BACK_TO = re.compile(
    _LEAD + r"(?:go |take me |rewind |revert )?back to (?:it|that|that one|that (?:snapshot|state))" + _END
)
ASKS = re.compile(r"^(?:what|how) about\b|\?\W*$")
