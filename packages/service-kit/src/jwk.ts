import { createPrivateKey, createPublicKey } from 'node:crypto'
import { z } from 'zod'

const publicJwk = {
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  /** RFC 7638 thumbprint. */
  kid: z.string().min(1).max(128),
}

export interface PublicKey {
  readonly kid: string
  readonly pem: string
}

export type PrivateKey = PublicKey

function json(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON, as npm run keys prints it' })
    return z.NEVER
  }
}

/** `JWT_PUBLIC_KEYS`: a JSON array of Ed25519 public JWKs, each of its own `kid`. A private one is refused: whoever only checks tokens must not be able to make them. */
export const publicKeysSetting = z
  .string()
  .transform(json)
  .pipe(z.array(z.object({ ...publicJwk, d: z.undefined('must not hold a private key').optional() })).min(1))
  .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, 'has two keys of one kid')
  .transform((keys, context) => keys.map((jwk) => toPem(jwk, context, exportPublic)))

/** `JWT_PRIVATE_KEY`: one Ed25519 private JWK as JSON. */
export const privateKeySetting = z
  .string()
  .transform(json)
  .pipe(z.object({ ...publicJwk, d: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }))
  .transform((jwk, context): PrivateKey => toPem(jwk, context, exportPrivate))

type Jwk = { readonly kty: string; readonly crv: string; readonly x: string; readonly kid: string }

function toPem<J extends Jwk>(jwk: J, context: z.RefinementCtx, exportPem: (jwk: J) => string): PublicKey {
  try {
    return { kid: jwk.kid, pem: exportPem(jwk) }
  } catch {
    context.addIssue({ code: 'custom', message: 'is not a usable Ed25519 key' })
    return z.NEVER
  }
}

function exportPublic(jwk: Jwk): string {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
}

function exportPrivate(jwk: Jwk & { readonly d: string }): string {
  const key = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  // Made from `d` alone; tokens of a key whose `x` is another's would be refused by all.
  if (createPublicKey(key).export({ format: 'jwk' }).x !== jwk.x) throw new TypeError('x is not of d')
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
