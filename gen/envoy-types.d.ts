// Written by tools/gen-types.mjs.
/** A FileDescriptorSet in base64. */
export declare const envoyTypes: string
