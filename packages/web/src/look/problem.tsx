/** Says what went wrong as soon as something does. */
export function Problem({ text }: { readonly text: string | undefined }) {
  return (
    <div role="alert" className="problem-place">
      {text !== undefined && <p className="problem">{text}</p>}
    </div>
  )
}
