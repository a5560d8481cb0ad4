import type { FastifyInstance } from 'fastify'

/**
 * Which methods routes take for a path, of the routes that are added after this call. Fastify's own look-up is by
 * pattern: it does not know that `/things/7` is `/things/:id`.
 */
export function knownRoutes(app: FastifyInstance): (path: string) => readonly string[] {
  const routes: { readonly method: string; readonly pattern: readonly string[] }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    // Wildcards (files, preflights) answer for themselves.
    if (url.includes('*')) return
    for (const one of [method].flat()) routes.push({ method: one, pattern: url.split('/') })
  })
  return (path) => {
    const segments = decoded(path).split('/')
    const fitting = routes.filter(({ pattern }) => fits(pattern, segments))
    // A path can be one of its own and fit a pattern besides.
    return [...new Set(fitting.map(({ method }) => method))]
  }
}

/** As the router has it: an escaped slash separates nothing. */
function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
  )
}
