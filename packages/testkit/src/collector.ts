import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import protobuf from 'protobufjs'
import { keep } from './said.ts'

/** What of OTLP 1.x a test looks at; a decoder skips the other fields. */
const OTLP = protobuf
  .parse(`
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resourceSpans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopeSpans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes traceId = 1;
    bytes spanId = 2;
    bytes parentSpanId = 4;
    string name = 5;
    uint32 kind = 6;
    fixed64 startTimeUnixNano = 7;
    fixed64 endTimeUnixNano = 8;
    repeated KeyValue attributes = 9;
    repeated Link links = 13;
    Status status = 15;
    fixed32 flags = 16;
  }
  message Link { bytes traceId = 1; bytes spanId = 2; }
  message Status { uint32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string text = 1; int64 whole = 3; double real = 4; } }
`)
  .root.lookupType('ExportTraceServiceRequest')
const ERROR_STATUS = 2
/** Of a span's flags: the parent was another process's. */
const PARENT_IS_REMOTE = 0x200
const NS_PER_MS = 1e6

/** A span as its collector got it. */
export interface CollectedSpan {
  readonly service: string
  /** Of the process. */
  readonly instance: string
  readonly name: string
  /** As OTLP numbers them: 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  /** Undefined where it began its trace. */
  readonly parentId: string | undefined
  /** The parent is another process's. */
  readonly hasRemoteParent: boolean
  /** Span ids. */
  readonly links: readonly string[]
  readonly attributes: Readonly<Record<string, string | number>>
  readonly isError: boolean
  /** Since 1970. */
  readonly startMs: number
  readonly endMs: number
}

export interface TestCollector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string
  /** The bodies of all requests, as they came. */
  readonly requests: readonly Buffer[]
  /** All that was exported so far. */
  spans(): readonly CollectedSpan[]
}

export interface CollectorOptions {
  /** What it answers; `none`: it takes requests and answers none. Default 200. */
  readonly status?: number | 'none'
  /** The `authorization` that it wants; default: none. */
  readonly login?: string
}

/** A collector of traces: the receiving end of OTLP over HTTP, with protobuf. */
export async function collector({ status = 200, login }: CollectorOptions = {}): Promise<TestCollector> {
  const requests: Buffer[] = []
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    if (request.method !== 'POST' || request.url !== '/v1/traces') return answer(response, 404)
    if (request.headers['content-type'] !== 'application/x-protobuf') return answer(response, 415)
    if (login !== undefined && request.headers.authorization !== login) return answer(response, 401)
    requests.push(body)
    keep('operators', body)
    if (status !== 'none') answer(response, status)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans: () => requests.flatMap(spansOf),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** An empty answer is an empty ExportTraceServiceResponse. */
function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
}

type KeyValues = readonly {
  readonly key: string
  readonly value: Readonly<Record<string, string | number>>
}[]

interface Decoded {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues }
    readonly scopeSpans: readonly { readonly spans: readonly DecodedSpan[] }[]
  }[]
}

interface DecodedSpan {
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly parentSpanId: Buffer
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: number
  readonly endTimeUnixNano: number
  readonly attributes: KeyValues
  readonly links: readonly { readonly spanId: Buffer }[]
  readonly status: { readonly code: number } | null
  readonly flags: number
}

function spansOf(request: Buffer): readonly CollectedSpan[] {
  const options = { longs: Number, arrays: true, defaults: true, oneofs: false }
  const { resourceSpans } = OTLP.toObject(OTLP.decode(request), options) as Decoded
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const process = recordOf(resource.attributes)
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => collected(process, span)))
  })
}

function collected(process: CollectedSpan['attributes'], span: DecodedSpan): CollectedSpan {
  return {
    service: String(process['service.name']),
    instance: String(process['service.instance.id']),
    name: span.name,
    kind: span.kind,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentId: span.parentSpanId.length === 0 ? undefined : hex(span.parentSpanId),
    hasRemoteParent: (span.flags & PARENT_IS_REMOTE) !== 0,
    links: span.links.map(({ spanId }) => hex(spanId)),
    attributes: recordOf(span.attributes),
    isError: span.status?.code === ERROR_STATUS,
    startMs: span.startTimeUnixNano / NS_PER_MS,
    endMs: span.endTimeUnixNano / NS_PER_MS,
  }
}

function recordOf(pairs: KeyValues): CollectedSpan['attributes'] {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0] ?? '']))
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}
