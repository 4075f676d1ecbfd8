"""What NuGet packages and SDKs say about a service."""

from __future__ import annotations

from .base import Known

SDKS = {
    "Microsoft.NET.Sdk.Web": Known("ASP.NET Core", "backend", 5000, 0.9),
    "Microsoft.NET.Sdk.BlazorWebAssembly": Known("Blazor", "frontend", 5000, 0.95),
    "Microsoft.NET.Sdk.Worker": Known("Worker Service", "worker", 0, 0.9),
    "Aspire.AppHost.Sdk": Known("Aspire", "job", 0, 0.9),
    "Godot.NET.Sdk": Known("Godot", "frontend", 0, 0.9),
    "Uno.Sdk": Known("Uno Platform", "frontend", 0, 0.9),
}
"""By name without its version."""

FRAMEWORKS = {
    "microsoft.aspnetcore.app": Known("ASP.NET Core", "backend", 5000, 0.9),
    "microsoft.aspnetcore.all": Known("ASP.NET Core", "backend", 5000, 0.9),
    "microsoft.aspnetcore.components.webassembly": Known("Blazor", "frontend", 5000, 0.85),
    "giraffe": Known("Giraffe", "backend", 5000, 0.9),
    "saturn": Known("Saturn", "backend", 5000, 0.9),
    "falco": Known("Falco", "backend", 5000, 0.9),
    "suave": Known("Suave", "backend", 8080, 0.9),
    "fastendpoints": Known("FastEndpoints", "backend", 5000, 0.85),
    "carter": Known("Carter", "backend", 5000, 0.8),
    "servicestack": Known("ServiceStack", "backend", 5000, 0.85),
    "nancy": Known("Nancy", "backend", 0, 0.8),
    "hotchocolate.aspnetcore": Known("Hot Chocolate", "backend", 5000, 0.8),
    "grpc.aspnetcore": Known("gRPC", "backend", 5000, 0.8),
    "yarp.reverseproxy": Known("YARP", "backend", 5000, 0.8),
    "ocelot": Known("Ocelot", "backend", 5000, 0.8),
    "umbraco.cms": Known("Umbraco", "backend", 5000, 0.9),
    "orchardcore.application.cms.targets": Known("Orchard Core", "backend", 5000, 0.9),
    "microsoft.orleans.server": Known("Orleans", "worker", 0, 0.6),
    "masstransit": Known("MassTransit", "worker", 0, 0.5),
    "nservicebus": Known("NServiceBus", "worker", 0, 0.6),
    "hangfire.core": Known("Hangfire", "worker", 0, 0.5),
    "hangfire.aspnetcore": Known("Hangfire", "worker", 0, 0.5),
    "quartz.extensions.hosting": Known("Quartz.NET", "worker", 0, 0.6),
    "avalonia": Known("Avalonia", "frontend", 0, 0.9),
    "fable.core": Known("Fable", "frontend", 0, 0.85),
    "spectre.console.cli": Known("Spectre.Console", "job", 0, 0.5),
    "system.commandline": Known("System.CommandLine", "job", 0, 0.5),
    "aspire.hosting.apphost": Known("Aspire", "job", 0, 0.9),
}  # fmt: skip
"""By the package's name in lower case."""

PROPERTIES = {
    "UseMaui": Known(".NET MAUI", "frontend", 0, 0.95),
    "UseWPF": Known("WPF", "frontend", 0, 0.9),
    "UseWindowsForms": Known("Windows Forms", "frontend", 0, 0.9),
    "IsAspireHost": Known("Aspire", "job", 0, 0.9),
}
"""Properties that are `true`."""

CLIENTS = {
    "npgsql": "postgresql", "marten": "postgresql", "aspire.npgsql": "postgresql", "linq2db.postgresql": "postgresql",
    "hangfire.postgresql": "postgresql", "npgsql.fsharp": "postgresql",
    "pomelo.entityframeworkcore.mysql": "mysql", "mysql.data": "mysql", "mysql.entityframeworkcore": "mysql", "mysqlconnector": "mysql",
    "aspire.pomelo": "mysql", "aspire.mysqlconnector": "mysql", "linq2db.mysql": "mysql",
    "microsoft.entityframeworkcore.sqlserver": "mssql", "microsoft.data.sqlclient": "mssql", "system.data.sqlclient": "mssql",
    "hangfire.sqlserver": "mssql", "aspire.microsoft.data.sqlclient": "mssql", "aspire.microsoft.entityframeworkcore.sqlserver": "mssql",
    "microsoft.entityframeworkcore.sqlite": "sqlite", "microsoft.data.sqlite": "sqlite", "system.data.sqlite": "sqlite", "sqlite-net-pcl": "sqlite",
    "oracle.manageddataaccess": "oracle", "oracle.entityframeworkcore": "oracle",
    "stackexchange.redis": "redis", "microsoft.extensions.caching.stackexchangeredis": "redis", "servicestack.redis": "redis",
    "aspire.stackexchange.redis": "redis", "microsoft.aspnetcore.signalr.stackexchangeredis": "redis", "freeredis": "redis",
    "mongodb.driver": "mongodb", "mongodb.entityframeworkcore": "mongodb", "aspire.mongodb.driver": "mongodb", "mongodb.entities": "mongodb",
    "rabbitmq.client": "rabbitmq", "masstransit.rabbitmq": "rabbitmq", "easynetq": "rabbitmq", "aspire.rabbitmq": "rabbitmq",
    "nservicebus.rabbitmq": "rabbitmq", "rebus.rabbitmq": "rabbitmq", "wolverinefx.rabbitmq": "rabbitmq",
    "confluent.kafka": "kafka", "masstransit.kafka": "kafka", "aspire.confluent.kafka": "kafka", "kafkaflow": "kafka",
    "elastic.clients.elasticsearch": "elasticsearch", "nest": "elasticsearch", "elasticsearch.net": "elasticsearch",
    "enyimmemcachedcore": "memcached", "enyimmemcached": "memcached", "cassandracsharpdriver": "cassandra", "clickhouse.client": "clickhouse",
    "octonica.clickhouseclient": "clickhouse", "clickhouse.driver": "clickhouse", "neo4j.driver": "neo4j",
    "nats.client": "nats", "nats.net": "nats", "aspire.nats.net": "nats", "minio": "minio",
}  # fmt: skip
"""By the package's name in lower case, or its beginning up to a dot."""

_TESTS = frozenset({
    "microsoft.net.test.sdk", "xunit.v3", "mstest", "tunit", "benchmarkdotnet", "xunit.runner.visualstudio", "nunit3testadapter",
    "mstest.testadapter", "yolodev.expecto.testsdk",
})  # fmt: skip


def tests(names: list[str]) -> bool:
    """Whether a project with these packages tests or measures others."""
    return any(name.lower() in _TESTS for name in names)


def database(name: str) -> str:
    """The database that a package talks to, or nothing."""
    parts = name.lower().split(".")
    return next((found for end in range(len(parts), 0, -1) if (found := CLIENTS.get(".".join(parts[:end])))), "")
