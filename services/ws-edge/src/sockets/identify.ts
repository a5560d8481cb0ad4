import { type Identity, TokenError } from '@roomlog/service-kit'
import type { FastifyInstance } from 'fastify'

/** Who the token speaks for; undefined when it is missing or refused, whatever is wrong with it. */
export function identify(app: FastifyInstance, token: string): Identity | undefined {
  try {
    return app.identify(token)
  } catch (error) {
    if (error instanceof TokenError) return undefined
    throw error
  }
}
