mod claims;
mod patterns;
mod shards;
mod workers;
