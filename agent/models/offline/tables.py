"""What the grammar knows of the world, as data: names of things, words that are no work, how speech and typos look."""

from __future__ import annotations

from ....tools.risk import Risk

RISKS: dict[str, Risk] = {
    "scan": Risk.R0, "provision": Risk.R2, "sync": Risk.R2, "snapshot": Risk.R1, "rewind": Risk.R2, "drift": Risk.R0,
    "history": Risk.R0, "status": Risk.R0, "logs": Risk.R0, "deploy": Risk.R2, "rollback": Risk.R2, "switch": Risk.R2,
    "destroy": Risk.R3, "run": Risk.R2, "remember": Risk.R1, "sandbox": Risk.R2, "syncs": Risk.R1,
}  # fmt: skip
"""Every tool of the contract, whether this version has it or not, with its risk."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def pairs(text: str) -> dict[str, str]:
    """`canonical=other,other` per word, as {other: canonical, canonical: canonical}."""
    found: dict[str, str] = {}
    for entry in text.split():
        name, _, others = entry.partition("=")
        for other in (name, *others.split(",")):
            if other:
                found[other] = name
    return found


RUNTIMES = pairs(
    "python=python3,py,cpython node=nodejs,node.js go=golang rust=rustc java=jdk,openjdk,jre ruby php deno bun "
    "dotnet=.net elixir erlang kotlin scala swift zig perl lua julia haskell=ghc ocaml dart flutter crystal nim r"
)
SERVICES = pairs(
    "postgres=postgresql,pg,psql,postgre mysql mariadb redis=redis-server mongodb=mongo rabbitmq=rabbit kafka elasticsearch=elastic "
    "opensearch nginx memcached=memcache minio cassandra clickhouse influxdb=influx etcd consul vault nats traefik caddy "
    "haproxy zookeeper valkey couchdb neo4j qdrant weaviate meilisearch typesense grafana prometheus jaeger keycloak mailhog "
    "mailpit localstack mssql=sqlserver cockroachdb=cockroach timescaledb=timescale mosquitto httpd=apache,apache2 mockserver"
)
PACKAGES = words(
    "numpy pandas scipy matplotlib seaborn scikit-learn sklearn torch pytorch tensorflow keras jax transformers requests httpx "
    "aiohttp flask django fastapi starlette uvicorn gunicorn celery sqlalchemy alembic pydantic pytest tox nox black ruff "
    "mypy pyright flake8 isort poetry pipenv jupyter jupyterlab notebook ipython rich click typer boto3 pillow opencv-python "
    "beautifulsoup4 bs4 lxml scrapy selenium playwright polars dask xgboost lightgbm plotly streamlit gradio langchain openai "
    "psycopg2 psycopg2-binary psycopg asyncpg pymongo redis-py kafka-python pyyaml toml jinja2 werkzeug cryptography paramiko "
    "fabric ansible tqdm networkx sympy spacy nltk react react-dom vue svelte angular next nuxt vite webpack rollup esbuild "
    "typescript eslint prettier jest vitest mocha chai lodash axios express koa nestjs prisma tailwindcss tailwind "
    "postcss sass babel nodemon pm2 ts-node yarn pnpm npm pip uv rails rspec bundler laravel composer symfony phpunit "
    "gin serde tokio clap cargo maven gradle spring-boot git curl wget jq make cmake gcc clang ffmpeg imagemagick tree htop "
    "tmux vim ripgrep fd bat docker kubectl helm terraform shellcheck pre-commit graphviz sqlite3 sqlite build-essential"
)
"""Names that are packages beyond doubt. A name that is not here may be one all the same: after a strong verb it is."""
PROGRAMS = words(
    "pytest npm npx yarn pnpm bun node deno python python3 pip pip3 uv uvx poetry pipenv tox nox make cmake ninja cargo rustc "
    "go gofmt java javac mvn gradle ./gradlew ruby bundle rake rails php composer artisan dotnet docker docker-compose "
    "podman kubectl helm terraform ansible git gh ls cat echo grep rg find sed awk head tail wc du df ps top htop kill "
    "pkill env printenv which whoami uname date curl wget ssh scp rsync tar zip unzip chmod chown mkdir rmdir rm cp mv "
    "touch ln pwd bash sh zsh fish psql mysql redis-cli mongosh sqlite3 jq black ruff flake8 mypy pyright isort eslint "
    "prettier tsc jest vitest mocha vite webpack playwright cypress alembic flask django-admin uvicorn gunicorn celery "
    "streamlit jupyter ipython pre-commit hatch twine sphinx-build mkdocs hugo jekyll nginx systemctl journalctl apt "
    "apt-get brew dpkg rpm dnf yum apk gcc g++ clang ctest meson bazel just task ng vue nest prisma sleep true false "
    "htop nvidia-smi openssl dig ping nc lsof netstat ss id hostname free uptime diff sort uniq xargs tee seq test"
)
"""First words that make a line a command."""
CONTEXTS = pairs(
    "prod=production,live dev=development staging=stage test=testing qa uat preprod=pre-prod,preproduction local demo canary ci "
    "sandbox integration"
)
OBJECTS = words(
    "it this that everything all environment env project repo repository setup machine system state stack workspace app "
    "application code codebase thing things stuff them these those here whole branch service services dependencies deps "
    "folder directory dir current working"
)
"""Words for what is being worked on: no name of anything."""
EVERYDAY = words(
    "account accounts passport passports faith humanity troops troop army armies soldiers soldier forces force parachute "
    "parachutes airbag airbags police drone drones satellite satellites sail sails shield shields carpet carpets rug rugs "
    "clock clocks tape tapes movie movies film films song songs music video videos photo photos picture pictures "
    "camera cameras phone phones iphone calendar calendars watch watches email emails mail mails inbox "
    "contact contacts friend friends friendship enemy enemies wife husband marriage mother father mom dad mum grandma "
    "grandpa kid kids child children baby family brother sister people person man woman men women dog dogs cat cats pet "
    "house houses home kitchen sink bathroom bedroom room rooms living garden gardens tree trees window windows door "
    "doors roof wall walls floor floors furniture chair chairs sofa bed beds sleep bath shower curtains curtain lamp "
    "lamps light lights bulb bulbs fridge oven stove dishwasher washer dryer laundry heating heater thermostat tv "
    "television radio stereo car cars tire tires tyre tyres engine oil brakes bike bikes bicycle truck bus trains "
    "plane planes flight flights airport hotel hotels ticket tickets seat seats business economy trip trips holiday "
    "vacation travel beach boat boats ship ships sea ocean river lake mountain mountains sky horizon moon sun star stars "
    "earth world planet weather rain snow wind storm fire fireplace water coffee tea beer wine milk bread pizza burger "
    "sandwich lunch dinner breakfast food meal recipe cake cakes cookie cookies apple apples banana egg eggs cheese "
    "chicken salad soup shopping groceries grocery money bank banks card cards credit loan tax taxes bill "
    "bills invoice invoices salary career resume cv boss meeting meetings appointment alarm reminder birthday party wedding "
    "gift gifts present school university college homework exam lesson teacher student books story stories poem essay "
    "article articles newspaper magazine letter letters pen paper desk office doctor dentist hospital medicine disease "
    "health body brain heart hand hands leg legs arm arms face hair eye eyes nose mouth tooth teeth stain stains dress "
    "shirt shoes shoe pants jacket hat clothes makeup game games football soccer basketball tennis marathon race "
    "gym workout yoga diet weight life death love hate hope dream dreams soul god church president election government "
    "country border borders city town village street road bridge building elevator stairs evidence crime criminal prison judge "
    "law lawyer court war peace weapon weapons gun guns bomb bombs missile missiles nuclear alamo rome paris "
    "london berlin button buttons plug trigger luggage suitcase barcode qr fingerprint fingerprints "
    "mind past future time times day night errand errands mile miles kilometre kilometres kilometers "
    "decaf mess childhood balance hopes trust relationship reputation confidence skin hormone vaccine vaccines mattress tent tents "
    "solar panels panel windows11 macos ios android windows-11 instagram facebook twitter tiktok whatsapp snapchat spotify "
    "netflix playlist podcast membership subscription subscriptions password passwords wifi wi-fi bluetooth printer keyboard "
    "mouse headphones speakers battery charger numbers mouth tap bathwater nets net mosquitoes mousetrap ladder toilet"
)
"""Things of everyday life. They are no names of packages, services, contexts or paths, whatever verb stands before them."""

KEYWORDS = words(
    "install provision upgrade update downgrade snapshot snapshots checkpoint rewind restore revert rollback deploy "
    "redeploy destroy remove delete switch status history drift compare changed changes logs remember execute project "
    "environment dependencies packages please show list scan undo setup sync what since this that with yesterday "
    "everything missing version machine running context staging production replicas called install latest synchronize synchronise redeploy running"
)
"""Words of the grammar itself: a typo in one of these may be mended for matching. A name never is."""
REAL = words(
    "remind draft statue remote scam scar shop shoe shot snow slow form team then than them there their these those hat "
    "when while wash unde list lists last lost lust mist synch since wish within width want whit thin thus than undue changer "
    "charged chances changing mission hissing visions versions runs swift status compared revere reverse reverts stating "
    "stage content contest contexts replica replicas logo logs legs lots lags dogs long projects protect package scant span "
    "swan stan plan pleased please calls called stalled recall delete deleted released release removal updated restored show "
    "shows stow chow how that chat waht-not latest lasted tasting history story stories spans scans wits whats what's undone"
)
"""Real words that are one letter away from a keyword."""
TYPOS = {
    "instal": "install", "instll": "install", "isntall": "install", "snap shot": "snapshot", "snap-shot": "snapshot",
    "roll-back": "rollback", "rol back": "roll back", "u": "you", "pls": "please", "plz": "please", "plx": "please",
    "wanna": "want to", "gonna": "going to", "gimme": "give me", "lemme": "let me", "whats": "what's", "wich": "which",
    "dont": "don't", "doesnt": "doesn't", "isnt": "isn't", "didnt": "didn't", "cant": "can't", "wont": "won't",
    "shouldnt": "shouldn't", "lets": "let's", "stats": "status", "proj": "project", "tho": "though", "teh": "the",
    "hte": "the", "adn": "and", "nad": "and", "envrionment": "environment", "enviroment": "environment",
    "enviornment": "environment", "dependancies": "dependencies", "dependecies": "dependencies", "dependencys": "dependencies",
    "snaphot": "snapshot", "snapsot": "snapshot", "snapshoot": "snapshot", "depoy": "deploy", "rewin": "rewind",
    "wtf": "what", "wth": "what", "shw": "show", "tkae": "take", "mkae": "make", "shwo": "show", "giv": "give", "tak": "take", "hsow": "show", "gie": "give", "instl": "install", "isntal": "install", "rool": "roll", "rol": "roll", "runing": "running", "runnning": "running", "wat": "what", "wut": "what", "wht": "what", "waht": "what", "stagign": "staging", "prodction": "production", "pleas": "please", "cahnged": "changed", "bakc": "back", "bak": "back", "evrything": "everything", "logz": "logs", "lgos": "logs", "serivce": "service", "servcie": "service", "depndencies": "dependencies", "sanpshot": "snapshot", "snpshot": "snapshot", "syncronise": "synchronise", "syncronize": "synchronize", "sinc": "sync", "am needing": "need", "compair": "compare", "say me": "tell me", "explain me": "tell me", "undp": "undo", "yestarday": "yesterday", "yesteday": "yesterday", "yday": "yesterday", "rn": "now",
}  # fmt: skip
SPOKEN = {
    "num pie": "numpy", "num py": "numpy", "my sequel": "mysql", "post gres": "postgres", "post gress": "postgres",
    "engine x": "nginx", "pie test": "pytest", "py test": "pytest", "pie torch": "pytorch", "redis cash": "redis",
    "mongo db": "mongodb", "rabbit mq": "rabbitmq", "node js": "nodejs", "node dot js": "nodejs", "type script": "typescript",
    "fast api": "fastapi", "fast a p i": "fastapi", "sync it hub": "github", "elastic search": "elasticsearch",
    "maria db": "mariadb", "sequel lite": "sqlite", "dock her": "docker", "roll back to": "roll back to",
}  # fmt: skip
"""Known names as speech recognition writes them."""

UNITS = {
    word: n for n, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
    )
} | {"oh": 0, "nought": 0}  # fmt: skip
TENS = {
    word: 10 * n
    for n, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
