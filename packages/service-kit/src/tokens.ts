import jwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { PrivateKey, PublicKey } from './jwk.ts'

/** Whoever comes back, or asks again, with the same token costs neither reading it nor its signature's check. */
export const TOKENS_REMEMBERED = 5_000

export interface TokenOptions {
  readonly issuer: string
  /** The audience this service checks. */
  readonly audience: string
  /** The header's `typ`; a token made for something else is refused. */
  readonly type: string
  readonly publicKeys: readonly PublicKey[]
  /** Only who mints tokens has it. */
  readonly signing?: {
    readonly key: PrivateKey
    readonly audiences: readonly string[]
    readonly ttlS: number
  }
}

export interface Identity {
  readonly userId: string
  /** The login the token belongs to. */
  readonly sessionId: string
  readonly expiresAtMs: number
}

/** The token is missing, malformed, expired, of another issuer, audience, type or key: never said which. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Who the token speaks for. Throws `TokenError`. */
    identify(token: string): Identity
    /** A new access token; only where `signing` was given. */
    mintToken(claims: {
      readonly userId: string
      readonly sessionId: string
      readonly tokenId: string
    }): string
  }
}

interface Decoded {
  readonly header?: { readonly kid?: unknown; readonly typ?: unknown }
}

interface Claims {
  readonly sub: string
  readonly sid: string
  readonly exp: number
}

/** EdDSA access tokens: `app.identify`, and `app.mintToken` where the private key is. */
export const tokens = fp(async (app: FastifyInstance, options: TokenOptions) => {
  const { signing } = options
  // Each key is a namespace of the plugin: only what verifies with the options it was registered with is made once.
  for (const { kid, pem } of options.publicKeys) {
    await app.register(jwt, {
      namespace: kid,
      secret: { public: pem, ...(signing === undefined ? {} : { private: signing.key.pem }) } as {
        public: string
        private: string
      },
      decode: { complete: true },
      verify: {
        algorithms: ['EdDSA'],
        allowedIss: options.issuer,
        allowedAud: options.audience,
        requiredClaims: ['iss', 'aud', 'sub', 'sid', 'exp', 'iat', 'jti'],
      },
      ...(signing === undefined
        ? {}
        : {
            sign: {
              algorithm: 'EdDSA',
              iss: options.issuer,
              aud: [...signing.audiences],
              expiresIn: `${signing.ttlS}s`,
              kid: signing.key.kid,
              header: { alg: 'EdDSA', typ: options.type },
            },
          }),
    })
  }
  const named = app.jwt as unknown as Readonly<Record<string, JWT>>
  const verifiers = new Map(options.publicKeys.map(({ kid }) => [kid, named[kid]]))
  const [first] = verifiers.values()
  if (first === undefined) throw new TypeError('tokens without a key')

  const verified = (token: string): Identity => {
    const { header } = first.decode<Decoded>(token) ?? {}
    const verifier = typeof header?.kid === 'string' ? verifiers.get(header.kid) : undefined
    if (verifier === undefined || header?.typ !== options.type) throw new TokenError('not a token of ours')
    const claims = verifier.verify<Claims>(token)
    if (typeof claims.sub !== 'string' || typeof claims.sid !== 'string')
      throw new TokenError('malformed claims')
    return { userId: claims.sub, sessionId: claims.sid, expiresAtMs: claims.exp * 1000 }
  }
  const identify = remembering(verified)

  app.decorate('identify', (token: string): Identity => {
    try {
      return identify(token)
    } catch (error) {
      throw error instanceof TokenError ? error : new TokenError('token refused', { cause: error })
    }
  })
  app.decorate('mintToken', ({ userId, sessionId, tokenId }) =>
    first.sign({ sub: userId, sid: sessionId, jti: tokenId }),
  )
})

/** As `verified`, which a token that is asked for again, and has not expired, does not come to. */
function remembering(verified: (token: string) => Identity): (token: string) => Identity {
  /** By token, the one asked for longest ago first. */
  const remembered = new Map<string, Identity>()
  return (token) => {
    const known = remembered.get(token)
    remembered.delete(token)
    const identity = known !== undefined && known.expiresAtMs > Date.now() ? known : verified(token)
    remembered.set(token, identity)
    if (remembered.size > TOKENS_REMEMBERED) {
      const [oldest = ''] = remembered.keys()
      remembered.delete(oldest)
    }
    return identity
  }
}
