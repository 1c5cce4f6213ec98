"""A causal sequence model over a lifetime: Llama (Touvron et al. 2023), made small.

Symbols: B lifetimes, S tokens, D dimensions of a token, W width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override


class Trunk(nn.Module):
    """What has been seen of a lifetime, at each of its tokens: ``[B, S, D] -> [B, S, W]``.

    Args:
        token_dim: D.
        width: W.
        num_layers: transformer blocks.
        num_heads: of the attention; divides the width.
        context: most tokens of a lifetime.

    Raises:
        ValueError: if a size is below 1, or ``num_heads`` does not divide ``width``.
    """

    def __init__(
        self,
        token_dim: int,
        width: int = 128,
        num_layers: int = 3,
        num_heads: int = 4,
        context: int = 48,
    ) -> None:
        super().__init__()
        sizes = {"width": width, "num_layers": num_layers, "num_heads": num_heads}
        for name, value in (sizes | {"context": context, "token_dim": token_dim}).items():
            if value < 1:
                raise ValueError(f"the trunk's {name} is {value}, it must be at least 1")
        if width % num_heads:
            raise ValueError(f"trunk width {width} is not a multiple of num_heads {num_heads}")
        # Here, since it takes seconds: not everyone who imports a learner needs it.
        from transformers import LlamaConfig, LlamaModel

        self.context = context
        self.inlet = nn.Linear(token_dim, width)
        self.model = LlamaModel(
            LlamaConfig(
                vocab_size=1,
                bos_token_id=None,
                eos_token_id=None,
                hidden_size=width,
                intermediate_size=2 * width,
                num_hidden_layers=num_layers,
                num_attention_heads=num_heads,
                max_position_embeddings=context,
            )
        )
        self.model.embed_tokens.requires_grad_(False)  # tokens come as vectors

    @override
    def forward(self, tokens: Tensor, mask: Tensor, memory: Memory | None = None) -> Tensor:
        """Reads tokens, after those that the memory has.

        Args:
            tokens: ``[B, S, D]``.
            mask: which of them are there, bool ``[B, S]``; the others are read by nobody.
            memory: of the tokens before, to which these are added. Without it they are the first.

        Returns:
            ``[B, S, W]``; of tokens that are not there it means nothing.

        Raises:
            ValueError: if a lifetime is longer than the context.
        """
        if memory is None:
            memory = Memory.empty(len(tokens), tokens.device)
        seen = torch.cat([memory.mask, mask], dim=1)  # [B, before + S]
        # Counted only where there may be too many: it would hold a GPU up at every decision.
        if seen.shape[1] > self.context and (longest := int(seen.sum(1).max())) > self.context:
            raise ValueError(
                f"a lifetime of {longest} decisions is longer than the {self.context} that the "
                "trunk has a context for"
            )
        place = (seen.cumsum(1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        memory.mask = seen
        output: Any = self.model(
            inputs_embeds=self.inlet(tokens),
            attention_mask=seen.long(),
            position_ids=place,
            cache=memory.cache,
            use_cache=memory.cache is not None,
        )
        return output.last_hidden_state


class Memory:
    """Keys and values of the tokens that a trunk has read, and which of them are there.

    Args:
        mask: bool ``[B, S]``.
        cache: of the trunk; None reads without keeping anything.
    """

    def __init__(self, mask: Tensor, cache: Any) -> None:
        self.mask, self.cache = mask, cache

    @classmethod
    def empty(cls, size: int, device: torch.device | str = "cpu", keep: bool = False) -> Memory:
        """The memory of ``size`` lifetimes that have not begun."""
        cache = None
        if keep:
            from transformers import DynamicCache

            cache = DynamicCache()
        return cls(torch.zeros(size, 0, dtype=torch.bool, device=device), cache)

    def select(self, rows: Tensor) -> None:
        """Keeps the memories of these lifetimes, long ``[B]``; one may be kept more than once."""
        self.mask = self.mask[rows]
        if self.cache is not None:
            self.cache.batch_select_indices(rows)
