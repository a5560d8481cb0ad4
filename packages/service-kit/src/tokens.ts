import jwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { PrivateKey, PublicKey } from './jwk.ts'

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
  const keys = new Map(options.publicKeys.map((key) => [key.kid, key.pem]))
  const { signing } = options
  await app.register(jwt, {
    secret: {
      public: [...keys.values()][0] ?? '',
      ...(signing === undefined ? {} : { private: signing.key.pem }),
    } as { public: string; private: string },
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

  app.decorate('identify', (token: string): Identity => {
    try {
      const { header } = app.jwt.decode<Decoded>(token) ?? {}
      const key = typeof header?.kid === 'string' ? keys.get(header.kid) : undefined
      if (key === undefined || header?.typ !== options.type) throw new TokenError('not a token of ours')
      const claims = app.jwt.verify<Claims>(token, { key })
      if (typeof claims.sub !== 'string' || typeof claims.sid !== 'string')
        throw new TokenError('malformed claims')
      return { userId: claims.sub, sessionId: claims.sid, expiresAtMs: claims.exp * 1000 }
    } catch (error) {
      throw error instanceof TokenError ? error : new TokenError('token refused', { cause: error })
    }
  })
  app.decorate('mintToken', ({ userId, sessionId, tokenId }) =>
    app.jwt.sign({ sub: userId, sid: sessionId, jti: tokenId }),
  )
})
