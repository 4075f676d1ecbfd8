"""Composer packages that say what a service is: frameworks with what starts them, clients of databases."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Known

FRAMEWORKS = {
    "laravel/framework": Known("Laravel", "backend", 8000, 0.97),
    "laravel/lumen-framework": Known("Lumen", "backend", 8000, 0.95),
    "symfony/framework-bundle": Known("Symfony", "backend", 8000, 0.97),
    "api-platform/core": Known("API Platform"),
    "api-platform/symfony": Known("API Platform"),
    "slim/slim": Known("Slim", "backend", 8080),
    "cakephp/cakephp": Known("CakePHP", "backend", 8765),
    "codeigniter4/framework": Known("CodeIgniter", "backend", 8080),
    "yiisoft/yii2": Known("Yii", "backend", 8080),
    "laminas/laminas-mvc": Known("Laminas", "backend", 8080),
    "mezzio/mezzio": Known("Mezzio", "backend", 8080),
    "hyperf/http-server": Known("Hyperf", "backend", 9501),
    "drupal/core-recommended": Known("Drupal", "backend", 8888),
    "drupal/core": Known("Drupal", "backend", 8888),
    "craftcms/cms": Known("Craft CMS", "backend", 8080),
    "magento/product-community-edition": Known("Magento", "backend"),
    "typo3/cms-core": Known("TYPO3", "backend"),
    "roots/wordpress": Known("WordPress", "backend", 0),
    "johnpbloch/wordpress": Known("WordPress", "backend", 0),
    "flightphp/core": Known("Flight", "backend"),
    "laravel-zero/framework": Known("Laravel Zero", "job"),
}
COMMAND_LINE = {"symfony/console": "Symfony Console", "laravel-zero/framework": "Laravel Zero", "minicli/minicli": "Minicli"}  # fmt: skip
"""They count only where the project offers a command."""


@dataclass(frozen=True)
class Runner:
    """A framework's own file that serves the application."""

    file: str
    command: str
    confidence: float = 0.95


RUNNERS = {
    "Laravel": Runner("artisan", "php artisan serve"),
    "Symfony": Runner("bin/console", "symfony server:start", 0.85),
    "CodeIgniter": Runner("spark", "php spark serve"),
    "CakePHP": Runner("bin/cake", "bin/cake server"),
    "Yii": Runner("yii", "php yii serve"),
    "Craft CMS": Runner("craft", "php craft serve"),
    "Hyperf": Runner("bin/hyperf.php", "php bin/hyperf.php start"),
}
FOLDERS = ("public", "web", "webroot", "www", "htdocs", "public_html", "html", "docroot")
"""Where the first page lies, when it does not lie on top."""

CLIENTS = {
    "postgresql": "ext-pdo_pgsql ext-pgsql",
    "mysql": "ext-pdo_mysql ext-mysqli",
    "sqlite": "ext-pdo_sqlite ext-sqlite3",
    "redis": "ext-redis predis/predis symfony/redis-messenger snc/redis-bundle",
    "mongodb": "mongodb/mongodb ext-mongodb mongodb/laravel-mongodb jenssegers/mongodb doctrine/mongodb-odm-bundle",
    "rabbitmq": "php-amqplib/php-amqplib ext-amqp symfony/amqp-messenger bunny/bunny vladimir-yuldashev/laravel-queue-rabbitmq php-amqplib/rabbitmq-bundle",
    "kafka": "ext-rdkafka enqueue/rdkafka mateusjunges/laravel-kafka",
    "elasticsearch": "elasticsearch/elasticsearch friendsofsymfony/elastica-bundle ruflin/elastica",
    "opensearch": "opensearch-project/opensearch-php",
    "memcached": "ext-memcached",
    "mssql": "ext-sqlsrv ext-pdo_sqlsrv",
    "clickhouse": "smi2/phpclickhouse",
    "neo4j": "laudis/neo4j-php-client",
    "nats": "basis-company/nats",
}  # fmt: skip
CLIENT = {package: database for database, packages in CLIENTS.items() for package in packages.split()}
NAMES = {
    "mysql": "mysql", "mariadb": "mysql", "pgsql": "postgresql", "sqlite": "sqlite", "sqlsrv": "mssql", "mongodb": "mongodb", "redis": "redis",
    "memcached": "memcached", "mysqli": "mysql", "mysqli_connect": "mysql", "pg_connect": "postgresql", "SQLite3": "sqlite", "Redis": "redis",
    "Memcached": "memcached", "rabbitmq": "rabbitmq", "mysql_connect": "mysql",
}  # fmt: skip
"""How PHP and Laravel call databases."""

LIBRARIES = frozenset({
    "library", "symfony-bundle", "composer-plugin", "phpstan-extension", "magento2-module", "cakephp-plugin", "yii2-extension", "craft-plugin",
    "kirby-plugin", "shopware-platform-plugin", "oro-bundle", "phpcodesniffer-standard", "psalm-plugin", "typo3-cms-extension", "rector-extension",
})  # fmt: skip
"""Types of packages that others load; those of WordPress, Drupal and Moodle begin with its name."""
HOSTS = ("wordpress-", "drupal-", "moodle-", "october-", "contao-", "neos-")
