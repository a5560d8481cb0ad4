/** The client's own mark on its frame, to go back with the answer. */
export function refOf({ ref }: { readonly ref?: string | undefined }): { readonly ref?: string } {
  return ref === undefined ? {} : { ref }
}
