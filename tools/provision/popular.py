"""Well-known names: what a typing error or an imitation is measured against. Facts of common knowledge, no feature list."""

from __future__ import annotations

PYTHON = frozenset(
    """
aiofiles aiohttp aiosqlite alembic altair amqp anthropic anyio apscheduler argon2-cffi arrow asgiref asyncpg attrs authlib
azure-core babel backoff bcrypt beautifulsoup4 black bleach blinker bokeh boto3 botocore bottle brotli build cachetools
catboost celery certifi cffi channels chardet charset-normalizer cherrypy chromadb click cloudpickle colorama colorlog
coverage cryptography cssselect cupy cvxpy cython dash dask datasets dateparser decorator deepdiff distro django
django-cors-headers django-debug-toolbar django-environ django-filter django-redis djangorestframework dnspython docker
docopt docutils dramatiq duckdb elasticsearch email-validator eventlet exceptiongroup execnet fabric factory-boy faiss-cpu
faker falcon fastapi fastavro fastparquet feedparser filelock fire flake8 flask flask-cors flask-login flask-migrate
flask-restful flask-sqlalchemy flask-wtf freezegun fsspec future gensim geopandas gevent gitpython google-api-core
google-auth google-cloud-storage gradio graphene graphviz greenlet grpcio grpcio-tools gunicorn h11 h2 h5py hatch hatchling
html5lib httpcore httplib2 httptools httpx huggingface-hub humanize hydra-core hypercorn hypothesis idna imageio importlib-metadata
iniconfig invoke ipykernel ipython isodate isort itsdangerous jax jaxlib jedi jinja2 jmespath joblib jsonpatch jsonschema
jupyter jupyterlab kafka-python keras keyring kombu kubernetes langchain langchain-core langchain-openai langgraph lightgbm
litellm llvmlite locust loguru lxml lz4 mako markdown markdown-it-py markupsafe marshmallow matplotlib mkdocs
mkdocs-material mlflow mock more-itertools motor mpmath msgpack multidict mypy mysqlclient nbconvert nbformat neo4j
netaddr networkx nltk nose notebook numba numexpr numpy oauthlib onnx onnxruntime openai opencv-python
opencv-python-headless openpyxl opentelemetry-api opentelemetry-sdk orjson packaging pandas paramiko parso passlib
pathspec patsy peewee pendulum pexpect phonenumbers pika pillow pip pipenv pipx platformdirs playwright plotly pluggy
poetry polars pre-commit prettytable prometheus-client prompt-toolkit protobuf psutil psycopg psycopg2 psycopg2-binary
py pyarrow pyasn1 pybind11 pycparser pycryptodome pydantic pydantic-core pydantic-settings pydot pyflakes pygame pygments pyinstaller
pyjwt pylint pymongo pymysql pynacl pyodbc pyopenssl pyparsing pyperclip pyproj pypdf pypdf2 pyqt5 pyqt6 pyright pyserial
pysocks pyspark pytest pytest-asyncio pytest-cov pytest-django pytest-mock pytest-xdist python-dateutil python-docx
python-dotenv python-jose python-multipart python-slugify pytorch-lightning pytz pyyaml pyzmq qdrant-client quart ray redis
regex reportlab requests requests-oauthlib requests-toolbelt respx responses rich rq rsa ruff s3fs s3transfer sanic
scikit-image scikit-learn scipy scrapy seaborn selenium sentence-transformers sentencepiece sentry-sdk setuptools shapely
simplejson six slack-sdk sniffio sortedcontainers spacy sphinx sqlalchemy sqlmodel sqlparse starlette statsmodels
streamlit structlog sympy tabulate tenacity tensorboard tensorflow termcolor textual threadpoolctl tiktoken tinycss2
tokenizers toml tomli tomlkit toolz torch torchaudio torchvision tornado tox tqdm traitlets transformers trio twine
twisted typer typing-extensions tzdata tzlocal ujson urllib3 uv uvicorn uvloop virtualenv waitress watchdog watchfiles
wcwidth webcolors websocket-client websockets werkzeug wheel whitenoise wrapt wtforms xarray xgboost xlrd xlsxwriter xmltodict yarl
zipp zope-interface zstandard
""".split()  # noqa: SIM905 (a thousand quotes would hide the names)
)

NODE = frozenset(
    """
@angular/cli @angular/core @babel/core @babel/preset-env @babel/preset-react @emotion/react @emotion/styled
@mui/material @nestjs/core @prisma/client @reduxjs/toolkit @tanstack/react-query @testing-library/react @types/jest
@types/node @types/react @types/react-dom @vitejs/plugin-react @vue/cli accepts acorn ajv angular apollo-server argon2 async autoprefixer ava
axios babel-loader bcrypt bcryptjs bluebird body-parser bootstrap browserify bull bullmq bun chai chalk chart.js cheerio
chokidar classnames cls-hooked colors commander compression concurrently connect cookie-parser core-js cors cross-env
cross-fetch crypto-js css-loader cypress d3 date-fns dayjs debug dotenv ejs electron electron-builder esbuild eslint
eslint-config-prettier eslint-plugin-import eslint-plugin-react eventemitter3 execa express express-session express-validator fastify
file-loader firebase fs-extra gatsby glob got graphql gulp handlebars helmet highlight.js html-webpack-plugin
http-proxy-middleware husky i18next immer immutable inquirer ioredis jasmine jest joi jquery js-yaml jsdom jsonwebtoken
karma knex koa koa-router left-pad lint-staged lodash lodash-es lru-cache luxon marked mdx meow micromatch minimatch minimist mkdirp
mobx mocha moment moment-timezone mongodb mongoose morgan ms multer mysql mysql2 nanoid next node-cron node-fetch
node-gyp node-sass nodemailer nodemon npm nuxt nx openai ora p-limit parcel passport passport-jwt passport-local path-to-regexp pg
pino pinia playwright pm2 pnpm postcss postcss-loader preact prettier prisma prop-types pug puppeteer qs ramda react
react-dom react-hook-form react-icons react-native react-query react-redux react-router react-router-dom react-scripts
recoil redis redux redux-saga redux-thunk reflect-metadata remix rimraf rollup rxjs sass sass-loader semver sequelize
serve sharp shelljs sinon socket.io socket.io-client solid-js sqlite3 storybook style-loader styled-components stylelint
superagent supertest svelte swr swiper tailwindcss tap terser three through2 ts-jest ts-loader ts-node tslib tsx turbo
typeorm typescript uglify-js underscore undici uuid validator vite vitest vue vue-router vuetify vuex webpack
webpack-cli webpack-dev-server winston ws yargs yarn yup zod zustand
""".split()  # noqa: SIM905 (a thousand quotes would hide the names)
)

RUBY = frozenset(
    """
actioncable actionmailer actionpack actionview activejob activemodel activerecord activestorage activesupport addressable
bcrypt bootsnap bundler byebug capybara carrierwave coffee-rails concurrent-ruby cucumber dalli debug devise dotenv
dotenv-rails erubi factory_bot factory_bot_rails faker faraday ffi grape haml hanami httparty i18n importmap-rails
jbuilder jekyll jquery-rails jsbundling-rails json jwt kaminari listen minitest mongoid msgpack mysql2 nokogiri
omniauth pagy pg propshaft pry psych puma pundit rack rack-cors rack-test rails railties rake redcarpet redis resque
rexml rouge rspec rspec-rails rubocop rubocop-rails sass-rails selenium-webdriver sequel sidekiq simplecov sinatra slim
solargraph spring sprockets sqlite3 standard stimulus-rails thor tilt timecop turbo-rails tzinfo unicorn vcr web-console
webmock webrick yard zeitwerk
""".split()  # noqa: SIM905 (a hundred quotes would hide the names)
)

PHP = frozenset(
    """
aws/aws-sdk-php barryvdh/laravel-debugbar brick/math composer/composer composer/semver doctrine/annotations doctrine/dbal
doctrine/doctrine-bundle doctrine/migrations doctrine/orm dompdf/dompdf fakerphp/faker filp/whoops firebase/php-jwt
friendsofphp/php-cs-fixer fruitcake/laravel-cors guzzlehttp/guzzle guzzlehttp/psr7 intervention/image laravel/framework
laravel/sanctum laravel/socialite laravel/tinker league/commonmark league/csv league/flysystem maatwebsite/excel
mockery/mockery monolog/monolog mpdf/mpdf nesbot/carbon nikic/php-parser nunomaduro/collision paragonie/random_compat
pestphp/pest phpmailer/phpmailer phpoffice/phpspreadsheet phpstan/phpstan phpunit/phpunit predis/predis psr/cache
psr/container psr/http-client psr/http-message psr/log ramsey/uuid robmorgan/phinx sebastian/diff slim/psr7 slim/slim
spatie/laravel-permission squizlabs/php_codesniffer stripe/stripe-php swiftmailer/swiftmailer symfony/cache symfony/console
symfony/dotenv symfony/event-dispatcher symfony/finder symfony/flex symfony/framework-bundle symfony/http-foundation
symfony/http-kernel symfony/mailer symfony/process symfony/routing symfony/translation symfony/var-dumper symfony/yaml
tecnickcom/tcpdf twig/twig vimeo/psalm vlucas/phpdotenv webmozart/assert yiisoft/yii2
""".split()  # noqa: SIM905 (a hundred quotes would hide the names)
)

SYSTEM = frozenset(
    """
apache2 autoconf automake bash bat build-essential btop bzip2 ca-certificates clang cmake curl default-jdk default-jre
dnsutils docker.io emacs fd-find ffmpeg file fish fzf gcc gdb gettext gh ghostscript git git-lfs gnupg htop hyperfine
imagemagick inotify-tools iproute2 iputils-ping jq less libpq-dev libssl-dev lsof lua5.4 make mariadb-server mc nano
neovim net-tools netcat-openbsd nginx nmap openssh-client openssh-server openssl pandoc parallel pkg-config
postgresql postgresql-client procps protobuf-compiler redis-server ripgrep rsync screen shellcheck socat sqlite3 strace
sudo tcpdump tesseract-ocr texlive tmux traceroute tree unzip valgrind vim wget xz-utils zip zsh zstd
""".split()  # noqa: SIM905 (a thousand quotes would hide the names)
)
"""Debian packages that people mean by their bare name."""

SAID = {
    "bs4": "beautifulsoup4",
    "beautifulsoup": "beautifulsoup4",
    "cv2": "opencv-python",
    "opencv": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "drf": "djangorestframework",
    "pil": "pillow",
    "postgres": "psycopg",
    "pytorch": "torch",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What people call a package that is known by another name; saying it names the package."""

KNOWN = {"python": PYTHON, "node": NODE, "ruby": RUBY, "php": PHP}
"""By ecosystem."""
