"""What Go source mentions: packages, variables, what serves or works, and where it listens."""

from __future__ import annotations

import re

from ..draft import Draft

_OWN = r"(?:HTTP_|SERVER_|APP_|API_|WEB_|GRPC_)?PORT"
_OWN_KEY = r"(?:server\.|http\.|app\.|api\.|web\.|grpc\.)?port"
# What `flag` and `pflag` have in common: a name, perhaps one letter for it, and the value without it.
_FLAG = (
    r"(?:String|Int|Uint|Uint16)(?:VarP?\(\s*&[\w.]{1,40}\s*,|P?\()\s*\"(?:addr|port|listen|http-port|server-port|listen-port|http-addr|listen-addr)\"\s*,"
    r"\s*(?:\"\w?\"\s*,\s*)?\"?(?:[\w.]{0,40}:)?(\d{2,5})\b"
)
PATTERNS = (
    ("env", "os.", r"os\.(?:Getenv|LookupEnv)\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "env", r"\b(?:env|envconfig):\"([A-Z][A-Z0-9_]{1,63})[\",]"),
    ("env", "viper.", r"viper\.(?:Get\w{0,20}|MustBindEnv|BindEnv)\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "nv(", r"\b[gG]etEnv\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("go-package", "package ", r"^package (\w{1,60})\b"),
    ("go-tag", "build", r"^//(?:go:build| \+build) ([^\n]{1,80})"),
    ("go-http", "http.", r"(http\.ListenAndServe|http\.Serve\(|http\.Server\{)"),
    ("go-grpc", "grpc.", r"(grpc\.NewServer)\("),
    ("go-worker", "(", r"(asynq\.NewServer|worker\.New|river\.NewClient|kafka\.NewReader|sarama\.NewConsumerGroup)\("),
    ("go-lambda", "lambda.", r"(lambda\.Start\w{0,30})\("),
    ("go-serve", "Use:", r"\bUse:\s*\"(serve|server|start)\b"),
    ("go-added", ".AddCommand(", r"\b(\w{1,40}\.AddCommand\([^{};]{1,180}?\))[ \t\r]{0,4}$"),
    ("go-root", "Execute", r"\.(Execute|ExecuteC|ExecuteContext)\("),
    ("go-port", ":", r"(?:ListenAndServe(?:TLS)?|Listen|Run|Start)\(\s*\"[\w.]{0,40}:(\d{2,5})\""),
    ("go-port", "net.Listen(", r"net\.Listen\(\s*\"tcp[46]?\"\s*,\s*\"[\w.]{0,40}:(\d{2,5})\""),
    ("go-port", "Addr:", r"Addr:\s*\"[\w.]{0,40}:(\d{2,5})\""),
    ("go-port", "nv(", rf"\b\w{{0,20}}[eE]nv\(\s*\"{_OWN}\"\s*,\s*\":?(\d{{2,5}})\""),
    # What stands for a scheme's port in an address is no port of one's own.
    ("go-port", "ort", r"\b[pP]ort\s*:?=\s*\":?(?!(?:80|443)\")(\d{2,5})\""),
    ("go-port", "Default", r"\b[dD]efault(?:Admin|Http|HTTP|Server|Listen|Bind)?(?:Listen|Addr|Address|ListenAddr|ListenAddress)\s*=\s*\"[\w.]{0,40}:(\d{2,5})\""),
    ("go-port", "ort", r"^[ \t]*(?:const )?[dD]efault(?:Http|HTTP|Server|Listen)?Port\s*(?:u?int\d{0,2}\s*)?=\s*(\d{2,5})\b"),
    ("go-port", "DEFAULT_PORT", r"^[ \t]*(?:const )?DEFAULT_PORT\s*=\s*(\d{2,5})\b"),
    ("go-port", "flag", rf"flag\.{_FLAG}"),
    ("go-port", "Flags()", rf"Flags\(\)\.{_FLAG}"),
    ("go-port-variable", "ort", r"^[ \t]{0,20}(?:var[ \t]{1,4})?[pP]ort[ \t]{0,4}(?:u?int\d{0,2}[ \t]{0,4})?:?=[ \t]{0,4}(\d{2,5})[ \t\r]{0,4}$"),
    ("go-port-flag", "Var", r"\b(?:Int|Uint|Uint16)VarP?\(\s*&([pP]ort)\s*,\s*\"(?:[\w-]{0,20}-)?port\"\s*,\s*(?:\"\w?\"\s*,\s*)?[pP]ort\b"),
    ("go-port", "PORT", rf"\"{_OWN}(?:,\w{{1,20}})?\"[^\n`]{{0,40}}(?:envDefault|env-default|default):\":?(\d{{2,5}})\""),
    ("go-port", "SetDefault(", rf"SetDefault\(\s*\"(?:{_OWN_KEY}|{_OWN})\"\s*,\s*\":?(\d{{2,5}})\""),
    ("go-port", "SetDefault(", rf"SetDefault\(\s*\"(?:{_OWN_KEY}|{_OWN})\"\s*,\s*(\d{{2,5}})\b"),
)  # fmt: skip


def child_of_root(draft: Draft, name: str, folder: str) -> bool:
    """Whether a subcommand is the program's own and not one of a subcommand; so too where the source does not show it.

    `folder`: that of the program's main package.
    """
    added = [(hit, *hit.value.split(".AddCommand", 1)) for hit in draft.hits("go-added")]
    parents = [(hit.path, parent.lower()) for hit, parent, given in added if re.search(rf"(?i)(?<!re){name}", given)]
    roots = {hit.path for hit in draft.hits("go-root")}
    own = {"root", "main", "app", "cli", draft.name.lower(), folder.rpartition("/")[2].lower()} - {""}

    def is_root(path: str, parent: str) -> bool:
        bare = re.sub(r"(?:cmd|command)$", "", parent)
        return "root" in parent or bare in own or (not bare and path in roots)

    return not parents or any(is_root(path, parent) for path, parent in parents)
