export const DEPENDENCY_KINDS = ['postgres', 'kafka', 'redis', 'prometheus', 'browser', 'python'] as const

/** A real server that a suite may need, a real browser, or a Python with `websocket-client`. */
export type DependencyKind = (typeof DEPENDENCY_KINDS)[number]

/** What TEST_REQUIRE may name: servers, and an engine to run the product's own images on. */
export const REQUIRABLE = [...DEPENDENCY_KINDS, 'containers'] as const

export type Requirable = (typeof REQUIRABLE)[number]

/**
 * What looking for a server led to. `urls` is one connection URL for PostgreSQL and Redis, `host:port` of each broker for
 * Kafka; the image or program of Prometheus and the program of the browser or of Python, of which each suite starts its own. `how` is
 * the rung of the ladder that gave it, `what` names it for people.
 */
export type Found =
  | {
      readonly available: true
      readonly how: 'given' | 'container' | 'native'
      readonly what: string
      readonly urls: readonly [string, ...string[]]
    }
  | { readonly available: false; readonly reason: string }
