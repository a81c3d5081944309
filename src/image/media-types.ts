/** Media types of images: OCI's (image-spec media-types.md) and docker's (distribution, manifest v2 schema 2). */

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
const DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";

export const INDEX_TYPES: readonly string[] = [OCI_INDEX, DOCKER_INDEX];
export const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, DOCKER_MANIFEST];
export const CONFIG_TYPES: readonly string[] = [OCI_CONFIG, DOCKER_CONFIG];

/** docker's manifests of before 2016. */
export const SCHEMA1_TYPE = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;

export const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?)$/;

/** Layers that a registry need not hold: they name urls instead. */
export const FOREIGN_LAYER_TYPE = /\.(?:nondistributable|foreign)\./;
