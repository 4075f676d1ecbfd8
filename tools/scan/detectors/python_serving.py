"""What Python source shows of a server: how it begins to listen, its subcommands, and the ports that it names itself."""

from __future__ import annotations

SUBCOMMANDS = ("serve", "start", "run", "server", "runserver", "web")
"""In the order of preference."""
PATTERNS = (
    ("serves", "uvicorn.", r"\b(uvicorn)\.(?:run|Server)\("),
    ("serves", "serve_forever(", r"\.(serve_forever)\("),
    ("serves", "run_simple(", r"\b(run_simple)\("),
    ("serves", "HTTPServer(", r"=[ \t]*(?:\w{1,30}\.){0,3}(HTTPServer)\("),
    ("serves", "run_app(", r"\b(web\.run_app)\("),
    ("serves", "listenTCP(", r"\.(listenTCP)\("),
    ("serves", "cheroot", r"^[ \t]{0,20}from (cheroot)\b"),
    ("serves", "waitress", r"\b(waitress\.serve\(|from waitress import serve)"),
    ("serves", "hypercorn", r"^[ \t]{0,20}from (hypercorn)\.\w{1,20} import serve\b"),
    ("serves", "gunicorn.app", r"\b(gunicorn\.app)\.(?:base|wsgiapp)\b"),
    ("serves", "mcp.run(", r"\b(mcp\.run)\("),
    ("serves", "pserve", r"\bimport[ \t]+(pserve)\b"),
    ("serves", "app.run(", r"\b(app\.run)\("),
    ("serves-own", "make_server(", r"\b(make_server)\("),
    ("serves-own", "Server(", r"=[ \t]*(?:\w{1,30}\.){0,3}((?:Threading|Forking)(?:TCP|HTTP)Server|TCPServer)\("),
    ("serves-own", "start_server(", r"\basyncio\.(start_server)\("),
    ("serves-own", "create_server(", r"\bloop\.(create_server)\("),
    ("manages-flask", "FlaskGroup", r"\bcls[ \t]*=[ \t]*(FlaskGroup)\b"),
    ("manages-django", "execute_from_command_line(", r"^[ \t]{1,20}(?:\w{1,30}\.)?(execute_from_command_line)\(sys\.argv"),
    ("subcommands", "add_subparsers(", r"\.(add_subparsers)\("),
    ("subcommands", ".group", r"^@(?:\w{1,40}\.)?(group)\b"),
    ("subcommands", "Typer(", r"\b(Typer)\("),
    ("subcommand", "add_parser(", rf"\.add_parser\(\s*[\"']({'|'.join(SUBCOMMANDS)})[\"']"),
    ("subcommand", ".command(", rf"^@\w{{1,40}}\.command\([ \t]*(?:name[ \t]*=[ \t]*)?[\"']({'|'.join(SUBCOMMANDS)})[\"']"),
    ("subcommand", "command ==", rf"\bcommand[ \t]*==[ \t]*[\"']({'|'.join(SUBCOMMANDS)})[\"']"),
    *(("subcommand-def", f"def {name}(", rf"^(?:async )?def ({name})\(") for name in SUBCOMMANDS),
    ("main-of", "import main", r"^[ \t]{0,20}from[ \t]+([.\w]{1,100})[ \t]+import[ \t]+main\b"),
    ("port-option", "port", r"[\"']--(?:http-|listen-|server-|bind-|web-)?port[\"'][^()]{0,300}?\bdefault[ \t]*=[ \t]*[\"']?(\d{2,5})\b"),
    ("port-option", 'define("port"', r"\bdefine\([\"']port[\"'],[ \t]*default[ \t]*=[ \t]*(\d{2,5})\b"),
    ("port-option", "port = ", r"^[ \t]{1,8}port = (?:Integer|Int|CInt)\(\s{0,40}(\d{2,5})\b"),
    ("port-option", "port: int", r"^[ \t]{1,8}(?:http_|server_|app_|api_|listen_)?port: int = (?:Field\((?:default[ \t]*=[ \t]*)?)?(\d{2,5})\b"),
    ("port-constant", "DEFAULT_", r"^DEFAULT_(?:HTTP_|SERVER_|LISTEN_)?PORT[ \t]*(?::[ \t]*[\w\[\]]{1,20}[ \t]*)?=[ \t]*(\d{2,5})\b"),
    ("scheme", "scheme", r"\bscheme\b[^\n]{0,20}?(?:==|\bin)[ \t]*\(?[\"'](amqps?|rediss?|postgres(?:ql)?|mysql|mongodb)[\"']"),
    ("sqlite", "import sqlite3", r"^[ \t]{0,20}import (sqlite)3\b"),
)  # fmt: skip
