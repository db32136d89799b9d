"""Model-driven API servers on asyncio and aiohttp.

All that users need is imported from here. A name is loaded when it is first asked for, so that
``import bahamut.elemental`` never drags in a web server. Nothing inside imports this module.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bahamut._version import __version__

if TYPE_CHECKING:
    from bahamut._kit.tasks import (
        Job as Job,
        run_job as run_job,
    )
    from bahamut.auth.chain import (
        check_authentication as check_authentication,
        check_authorization as check_authorization,
    )
    from bahamut.config import (
        Config as Config,
        Option as Option,
    )
    from bahamut.context import (
        Context as Context,
        ResponseStream as ResponseStream,
        ResponseWriter as ResponseWriter,
    )
    from bahamut.cors import (
        CORS_ORIGIN_MIRROR as CORS_ORIGIN_MIRROR,
        CORSPolicy as CORSPolicy,
        CORSPolicyController as CORSPolicyController,
        DefaultCORSController as DefaultCORSController,
        new_default_cors_controller as new_default_cors_controller,
    )
    from bahamut.crud import (
        CRUDProcessor as CRUDProcessor,
    )
    from bahamut.errors import (
        BadRequestError as BadRequestError,
        DeadlineExceededError as DeadlineExceededError,
        ForbiddenError as ForbiddenError,
        InternalError as InternalError,
        InvalidAPIVersionError as InvalidAPIVersionError,
        LockedError as LockedError,
        NotAllowedError as NotAllowedError,
        NotFoundError as NotFoundError,
        NotImplementedByProcessorError as NotImplementedByProcessorError,
        RateLimitError as RateLimitError,
        RequestEntityTooLargeError as RequestEntityTooLargeError,
        UnauthorizedError as UnauthorizedError,
        UnknownAPIVersionError as UnknownAPIVersionError,
    )
    from bahamut.health.checks import (
        PING_STATUS_ERROR as PING_STATUS_ERROR,
        PING_STATUS_OK as PING_STATUS_OK,
        PING_STATUS_TIMEOUT as PING_STATUS_TIMEOUT,
        Pinger as Pinger,
        retrieve_health_status as retrieve_health_status,
    )
    from bahamut.interfaces import (
        Auditer as Auditer,
        AuthAction as AuthAction,
        Authorizer as Authorizer,
        CreateProcessor as CreateProcessor,
        CustomHandler as CustomHandler,
        CustomMarshaller as CustomMarshaller,
        CustomUmarshaller as CustomUmarshaller,
        DeleteProcessor as DeleteProcessor,
        ErrorTransformer as ErrorTransformer,
        HealthServerFunc as HealthServerFunc,
        HealthStatFunc as HealthStatFunc,
        Hook as Hook,
        IdentifiableRetriever as IdentifiableRetriever,
        InfoProcessor as InfoProcessor,
        PatchProcessor as PatchProcessor,
        Processor as Processor,
        PushDispatchHandler as PushDispatchHandler,
        PushPublishHandler as PushPublishHandler,
        RateLimitCondition as RateLimitCondition,
        RateLimiter as RateLimiter,
        RequestAuthenticator as RequestAuthenticator,
        RetrieveManyProcessor as RetrieveManyProcessor,
        RetrieveProcessor as RetrieveProcessor,
        SessionAuthenticator as SessionAuthenticator,
        UpdateProcessor as UpdateProcessor,
    )
    from bahamut.options import (
        opt_api_rate_limiting as opt_api_rate_limiting,
        opt_auditer as opt_auditer,
        opt_authenticators as opt_authenticators,
        opt_authorizers as opt_authorizers,
        opt_backward_compat_propagation as opt_backward_compat_propagation,
        opt_cors_access_control as opt_cors_access_control,
        opt_cors_origin as opt_cors_origin,
        opt_custom_listener as opt_custom_listener,
        opt_custom_root_handler as opt_custom_root_handler,
        opt_disable_compression as opt_disable_compression,
        opt_disable_keep_alive as opt_disable_keep_alive,
        opt_disable_meta_routes as opt_disable_meta_routes,
        opt_disable_panic_recovery as opt_disable_panic_recovery,
        opt_enable_api_path_prefix as opt_enable_api_path_prefix,
        opt_enable_custom_route_path_prefix as opt_enable_custom_route_path_prefix,
        opt_error_transformer as opt_error_transformer,
        opt_expose_internal_errors as opt_expose_internal_errors,
        opt_external_types as opt_external_types,
        opt_fail_closed as opt_fail_closed,
        opt_health_custom_stats as opt_health_custom_stats,
        opt_health_server as opt_health_server,
        opt_health_server_metrics_manager as opt_health_server_metrics_manager,
        opt_health_server_timeouts as opt_health_server_timeouts,
        opt_http_logger as opt_http_logger,
        opt_identifiable_retriever as opt_identifiable_retriever,
        opt_marshallers as opt_marshallers,
        opt_max_body_items as opt_max_body_items,
        opt_max_body_size as opt_max_body_size,
        opt_max_connection as opt_max_connection,
        opt_max_header_size as opt_max_header_size,
        opt_model as opt_model,
        opt_namespacer as opt_namespacer,
        opt_opentracing_excluded_identities as opt_opentracing_excluded_identities,
        opt_opentracing_tracer as opt_opentracing_tracer,
        opt_post_start_hook as opt_post_start_hook,
        opt_pre_stop_hook as opt_pre_stop_hook,
        opt_push_allow_any_origin as opt_push_allow_any_origin,
        opt_push_dispatch_handler as opt_push_dispatch_handler,
        opt_push_endpoint as opt_push_endpoint,
        opt_push_max_message_size as opt_push_max_message_size,
        opt_push_message_rate as opt_push_message_rate,
        opt_push_publish_handler as opt_push_publish_handler,
        opt_push_server as opt_push_server,
        opt_push_server_enable_subject_hierarchies as opt_push_server_enable_subject_hierarchies,
        opt_push_slow_consumer as opt_push_slow_consumer,
        opt_rate_limiter as opt_rate_limiter,
        opt_rate_limiting as opt_rate_limiting,
        opt_read_only as opt_read_only,
        opt_rest_server as opt_rest_server,
        opt_secret_parameters as opt_secret_parameters,
        opt_service_info as opt_service_info,
        opt_shutdown_timeout as opt_shutdown_timeout,
        opt_timeouts as opt_timeouts,
        opt_trace_cleaner as opt_trace_cleaner,
        opt_trusted_proxies as opt_trusted_proxies,
        opt_unmarshallers as opt_unmarshallers,
        opt_worker_threads as opt_worker_threads,
    )
    from bahamut.pubsub import (
        new_nats_pubsub_client as new_nats_pubsub_client,
    )
    from bahamut.pubsub.base import (
        PubSubClient as PubSubClient,
        Waiter as Waiter,
    )
    from bahamut.pubsub.errors import (
        NoRespondersError as NoRespondersError,
        NotConnectedError as NotConnectedError,
        PubSubError as PubSubError,
        TooLargeError as TooLargeError,
    )
    from bahamut.pubsub.local import (
        new_local_pubsub_client as new_local_pubsub_client,
    )
    from bahamut.pubsub.nats_options import (
        NATSOption as NATSOption,
        nats_opt_client_id as nats_opt_client_id,
        nats_opt_cluster_id as nats_opt_cluster_id,
        nats_opt_connect_retry_interval as nats_opt_connect_retry_interval,
        nats_opt_credentials as nats_opt_credentials,
        nats_opt_error_handler as nats_opt_error_handler,
        nats_opt_reconnect_grace as nats_opt_reconnect_grace,
        nats_opt_tls as nats_opt_tls,
    )
    from bahamut.pubsub.options import (
        PubSubOptPublish as PubSubOptPublish,
        PubSubOptSubscribe as PubSubOptSubscribe,
        nats_opt_publish_require_ack as nats_opt_publish_require_ack,
        nats_opt_respond_to_channel as nats_opt_respond_to_channel,
        nats_opt_subscribe_queue as nats_opt_subscribe_queue,
        nats_opt_subscribe_reply_timeout as nats_opt_subscribe_reply_timeout,
    )
    from bahamut.pubsub.publication import (
        Publication as Publication,
        ResponseMode as ResponseMode,
    )
    from bahamut.pubsub.subscription import (
        Subscription as Subscription,
    )
    from bahamut.push.session import (
        PushSession as PushSession,
        Session as Session,
    )
    from bahamut.rest.meta import (
        RouteInfo as RouteInfo,
    )
    from bahamut.server import (
        Server as Server,
        new as new,
        register_custom_handler_or_die as register_custom_handler_or_die,
        register_processor_or_die as register_processor_or_die,
        run as run,
    )
    from bahamut.supervisor import (
        RunContext as RunContext,
        install_sigint_handler as install_sigint_handler,
    )
    from bahamut.telemetry.metrics import (
        FinishMeasurementFunc as FinishMeasurementFunc,
        MetricsManager as MetricsManager,
    )
    from bahamut.telemetry.prometheus import (
        new_prometheus_metrics_manager as new_prometheus_metrics_manager,
    )
    from bahamut.telemetry.tracing import (
        TraceCleaner as TraceCleaner,
        Tracer as Tracer,
    )

_MODULES = {
    "bahamut._kit.tasks": (
        "Job",
        "run_job",
    ),
    "bahamut.auth.chain": (
        "check_authentication",
        "check_authorization",
    ),
    "bahamut.config": (
        "Config",
        "Option",
    ),
    "bahamut.context": (
        "Context",
        "ResponseStream",
        "ResponseWriter",
    ),
    "bahamut.cors": (
        "CORSPolicy",
        "CORSPolicyController",
        "CORS_ORIGIN_MIRROR",
        "DefaultCORSController",
        "new_default_cors_controller",
    ),
    "bahamut.crud": ("CRUDProcessor",),
    "bahamut.errors": (
        "BadRequestError",
        "DeadlineExceededError",
        "ForbiddenError",
        "InternalError",
        "InvalidAPIVersionError",
        "LockedError",
        "NotAllowedError",
        "NotFoundError",
        "NotImplementedByProcessorError",
        "RateLimitError",
        "RequestEntityTooLargeError",
        "UnauthorizedError",
        "UnknownAPIVersionError",
    ),
    "bahamut.health.checks": (
        "PING_STATUS_ERROR",
        "PING_STATUS_OK",
        "PING_STATUS_TIMEOUT",
        "Pinger",
        "retrieve_health_status",
    ),
    "bahamut.interfaces": (
        "Auditer",
        "AuthAction",
        "Authorizer",
        "CreateProcessor",
        "CustomHandler",
        "CustomMarshaller",
        "CustomUmarshaller",
        "DeleteProcessor",
        "ErrorTransformer",
        "HealthServerFunc",
        "HealthStatFunc",
        "Hook",
        "IdentifiableRetriever",
        "InfoProcessor",
        "PatchProcessor",
        "Processor",
        "PushDispatchHandler",
        "PushPublishHandler",
        "RateLimitCondition",
        "RateLimiter",
        "RequestAuthenticator",
        "RetrieveManyProcessor",
        "RetrieveProcessor",
        "SessionAuthenticator",
        "UpdateProcessor",
    ),
    "bahamut.options": (
        "opt_api_rate_limiting",
        "opt_auditer",
        "opt_authenticators",
        "opt_authorizers",
        "opt_backward_compat_propagation",
        "opt_cors_access_control",
        "opt_cors_origin",
        "opt_custom_listener",
        "opt_custom_root_handler",
        "opt_disable_compression",
        "opt_disable_keep_alive",
        "opt_disable_meta_routes",
        "opt_disable_panic_recovery",
        "opt_enable_api_path_prefix",
        "opt_enable_custom_route_path_prefix",
        "opt_error_transformer",
        "opt_expose_internal_errors",
        "opt_external_types",
        "opt_fail_closed",
        "opt_health_custom_stats",
        "opt_health_server",
        "opt_health_server_metrics_manager",
        "opt_health_server_timeouts",
        "opt_http_logger",
        "opt_identifiable_retriever",
        "opt_marshallers",
        "opt_max_body_items",
        "opt_max_body_size",
        "opt_max_connection",
        "opt_max_header_size",
        "opt_model",
        "opt_namespacer",
        "opt_opentracing_excluded_identities",
        "opt_opentracing_tracer",
        "opt_post_start_hook",
        "opt_pre_stop_hook",
        "opt_push_allow_any_origin",
        "opt_push_dispatch_handler",
        "opt_push_endpoint",
        "opt_push_max_message_size",
        "opt_push_message_rate",
        "opt_push_publish_handler",
        "opt_push_server",
        "opt_push_server_enable_subject_hierarchies",
        "opt_push_slow_consumer",
        "opt_rate_limiter",
        "opt_rate_limiting",
        "opt_read_only",
        "opt_rest_server",
        "opt_secret_parameters",
        "opt_service_info",
        "opt_shutdown_timeout",
        "opt_timeouts",
        "opt_trace_cleaner",
        "opt_trusted_proxies",
        "opt_unmarshallers",
        "opt_worker_threads",
    ),
    "bahamut.pubsub": ("new_nats_pubsub_client",),
    "bahamut.pubsub.base": (
        "PubSubClient",
        "Waiter",
    ),
    "bahamut.pubsub.errors": (
        "NoRespondersError",
        "NotConnectedError",
        "PubSubError",
        "TooLargeError",
    ),
    "bahamut.pubsub.local": ("new_local_pubsub_client",),
    "bahamut.pubsub.nats_options": (
        "NATSOption",
        "nats_opt_client_id",
        "nats_opt_cluster_id",
        "nats_opt_connect_retry_interval",
        "nats_opt_credentials",
        "nats_opt_error_handler",
        "nats_opt_reconnect_grace",
        "nats_opt_tls",
    ),
    "bahamut.pubsub.options": (
        "PubSubOptPublish",
        "PubSubOptSubscribe",
        "nats_opt_publish_require_ack",
        "nats_opt_respond_to_channel",
        "nats_opt_subscribe_queue",
        "nats_opt_subscribe_reply_timeout",
    ),
    "bahamut.pubsub.publication": (
        "Publication",
        "ResponseMode",
    ),
    "bahamut.pubsub.subscription": ("Subscription",),
    "bahamut.push.session": (
        "PushSession",
        "Session",
    ),
    "bahamut.rest.meta": ("RouteInfo",),
    "bahamut.server": (
        "Server",
        "new",
        "register_custom_handler_or_die",
        "register_processor_or_die",
        "run",
    ),
    "bahamut.supervisor": (
        "RunContext",
        "install_sigint_handler",
    ),
    "bahamut.telemetry.metrics": (
        "FinishMeasurementFunc",
        "MetricsManager",
    ),
    "bahamut.telemetry.prometheus": ("new_prometheus_metrics_manager",),
    "bahamut.telemetry.tracing": (
        "TraceCleaner",
        "Tracer",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'bahamut' has no attribute '{name}'")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
